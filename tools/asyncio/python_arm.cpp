#include "tools/asyncio/python_arm.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "tools/asyncio/child_process.hpp"
#include "tools/asyncio/embedded.hpp"
#include "tools/asyncio/pipe.hpp"

namespace asyncio::tool {
namespace {

constexpr int kPythonStartMs = 20'000;

std::string interpreter() {
  const char* chosen = std::getenv("ASYNCIO_PYTHON");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/usr/bin/python3";
}

// Waits for one line; empty when the child ended without one, nothing after too long a time.
std::optional<std::string> read_line(int fd, const InterruptWatch& interrupt) {
  std::string text;
  while (text.find('\n') == std::string::npos) {
    std::array<pollfd, 2> fds = {{{fd, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
    int ready = ::poll(fds.data(), fds.size(), kPythonStartMs);
    interrupt.check();
    if (ready == 0) return std::nullopt;
    std::array<char, 256> chunk;
    ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return "";
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

std::vector<std::string> python_arm_arguments() {
  // -I: neither the user's environment nor the current folder changes what is measured.
  return {interpreter(), "-I", "-c", std::string(embedded::python_arm())};
}

PythonFound find_python(const InterruptWatch& interrupt) {
  PythonFound found;
  if (::access(interpreter().c_str(), X_OK) != 0) {
    found.missing = "no " + interpreter();
    found.hint = "install python3-aiohttp to see this arm";
    return found;
  }
  Pipe pipe = make_pipe();
  std::vector<std::string> arguments = python_arm_arguments();
  arguments.emplace_back("versions");
  ChildProcess child(arguments, {.report = pipe.write_end.get()});
  pipe.write_end.reset();
  std::optional<std::string> answer = read_line(pipe.read_end.get(), interrupt);
  if (!answer) {
    found.missing = interpreter() + " does not start";
    return found;
  }
  std::istringstream line(*answer);
  line >> found.python_version >> found.aiohttp_version;
  if (!found.aiohttp_version.empty()) return found;
  std::string status = child.wait();
  std::string why = child.last_error_line();
  found.missing = interpreter() + " fails: " + (why.empty() ? status : why);
  if (why == "no aiohttp") {
    found.missing = interpreter() + " has no aiohttp";
    found.hint = "install python3-aiohttp to see this arm";
  }
  return found;
}

}  // namespace asyncio::tool
