// The command-line tool: reads the command line, runs one command, turns errors into exit codes.
#include <sys/resource.h>

#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "tools/asyncio/arm_process.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/options.hpp"
#include "tools/asyncio/terminal.hpp"

namespace {

using namespace asyncio::tool;

// Thousands of connections need thousands of descriptors; most systems give 1,024 until asked.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct RunCommand {
  int operator()(const PrintText& command) const {
    write_stdout(command.text);
    return 0;
  }
  int operator()(const CompareOptions& options) const { return run_compare(options); }
  int operator()(const FetchOptions& options) const { return run_fetch(options); }
  int operator()(const ServeOptions& options) const { return run_serve(options); }
  int operator()(const ArmCommand&) const { return run_arm_process(); }
};

int run(const std::vector<std::string>& arguments) {
  try {
    return std::visit(RunCommand{}, parse_command_line(arguments));
  } catch (const UsageError& error) {
    std::string text = error.what();
    write_stderr((text.starts_with("asyncio") ? "" : "asyncio: ") + text + "\n");
    return kExitUsage;
  } catch (const Interrupted& interrupted) {
    write_stderr("asyncio: interrupted\n");
    return kExitSignalBase + interrupted.signal_number();
  } catch (const std::exception& error) {
    write_stderr("asyncio: " + std::string(error.what()) + "\n");
    return kExitFailure;
  }
}

}  // namespace

int main(int argc, char** argv) {
  claim_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error to report, not a silent end
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file over `ulimit -f`
  raise_descriptor_limit();
  return run(std::vector<std::string>(argv + 1, argv + argc));
}
