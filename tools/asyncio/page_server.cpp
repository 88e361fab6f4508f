#include "tools/asyncio/page_server.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

constexpr int kServerStartMs = 10'000;

std::vector<std::string> serve_arguments(const PageServer::Options& options) {
  return {"/proc/self/exe",
          "serve",
          "--quiet",
          "--host",
          "127.0.0.1",
          "--port",
          "0",
          "--delay",
          std::to_string(options.delay.count()) + "ns",
          "--size",
          std::to_string(options.page_bytes),
          "--ready-fd",
          std::to_string(kChildReportFd)};
}

}  // namespace

PageServer::PageServer(const Options& options, const InterruptWatch& interrupt)
    : ready_(make_pipe()), child_(serve_arguments(options), {.report = ready_.write_end.get()}) {
  ready_.write_end.reset();  // or the server's end would not be the end of the pipe
  port_ = wait_for_port(ready_.read_end.get(), interrupt);
}

std::uint16_t PageServer::wait_for_port(int fd, const InterruptWatch& interrupt) {
  std::string text;
  while (text.find('\n') == std::string::npos) {
    std::array<pollfd, 2> fds = {{{fd, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
    int ready = ::poll(fds.data(), fds.size(), kServerStartMs);
    interrupt.check();
    if (ready == 0) throw ToolError("the page server did not start within 10 s");
    std::array<char, 64> chunk;
    ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      std::string status = child_.wait();
      std::string why = child_.last_error_line();
      if (why.empty()) why = status.empty() ? "it ended at once" : status;
      throw ToolError("the page server did not start: " + why);
    }
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  text.erase(text.find('\n'));
  return static_cast<std::uint16_t>(parse_count(text, 1, 65535));
}

std::string PageServer::page_url(std::size_t page) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/page/" + std::to_string(page);
}

}  // namespace asyncio::tool
