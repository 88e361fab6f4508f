#include "asyncio/process/subprocess.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "asyncio/coro/pass.hpp"
#include "asyncio/streams/pipe.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio {

namespace subprocess {

Environment environ_copy() {
  Environment copy;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    copy.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return copy;
}

}  // namespace subprocess

// --- what to start ------------------------------------------------------------------------------

namespace detail {
namespace {

constexpr std::string_view kShell = "/bin/sh";

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::exception_ptr problem_with(const Launch& launch, const SubprocessOptions& options) {
  const auto invalid = [](const char* text) { return std::make_exception_ptr(ValueError(text)); };
  const std::vector<std::string>& arguments = launch.request.arguments;
  if (std::any_of(arguments.begin(), arguments.end(), has_nul) || has_nul(options.cwd)) {
    return invalid("embedded null byte");
  }
  if (options.env != nullptr) {
    for (const auto& [name, value] : *options.env) {
      if (has_nul(name) || has_nul(value)) return invalid("embedded null byte");
      if (name.empty() || name.find('=') != std::string::npos) {
        return invalid("illegal environment variable name");
      }
    }
  }
  if (options.stdin == subprocess::STDOUT || options.stdout == subprocess::STDOUT) {
    return invalid("STDOUT can only be used for stderr");
  }
  for (const int stream : launch.streams) {
    if (stream < subprocess::UNSPECIFIED) return invalid("negative file descriptor");
  }
  if (options.limit == 0) return invalid("Limit cannot be <= 0");
  return nullptr;
}

}  // namespace

std::vector<std::string> program_and(std::string_view program,
                                     const std::vector<std::string>& args) {
  std::vector<std::string> all = arguments_of(program);
  all.insert(all.end(), args.begin(), args.end());
  return all;
}

Launch make_launch(std::vector<std::string> arguments, const SubprocessOptions& options) {
  Launch launch;
  launch.request.program = arguments.front();
  launch.request.arguments = std::move(arguments);
  launch.request.directory = options.cwd;
  launch.request.new_session = options.start_new_session;
  launch.request.process_group = options.process_group;
  launch.request.keep_ignored_signals = !options.restore_signals;
  launch.streams = {options.stdin, options.stdout, options.stderr};
  launch.problem = problem_with(launch, options);
  if (options.env != nullptr) {
    std::vector<std::string>& entries = launch.request.environment.emplace();
    for (const auto& [name, value] : *options.env) entries.push_back(name + "=" + value);
  }
  for (const int fd : options.pass_fds) {
    if (fd > 2) launch.request.descriptors.emplace_back(fd, fd);
  }
  return launch;
}

Launch make_shell_launch(std::string_view command, const SubprocessOptions& options) {
  return make_launch(arguments_of(kShell, "-c", command), options);
}

Coro<Process> start_process(Launch launch, std::size_t limit) {
  Coro<StartedChild> starting = start_child(std::move(launch));
  StartedChild started = co_await pass(std::move(starting));
  co_return Process(std::move(started.child), std::move(started.ends), limit);
}

}  // namespace detail

Coro<Process> create_subprocess_shell(std::string_view command, SubprocessOptions options) {
  return detail::start_process(detail::make_shell_launch(command, options), options.limit);
}

// --- Process ------------------------------------------------------------------------------------

Process::Process(base::Ref<detail::Child> child, detail::PipeEnds ends, std::size_t limit)
    : child_(std::move(child)) {
  Scheduler& scheduler = child_->scheduler();
  if (ends.has(0)) stdin = detail::make_pipe_writer(scheduler, ends.take(0));
  if (ends.has(1)) stdout = detail::make_pipe_reader(scheduler, ends.take(1), limit);
  if (ends.has(2)) stderr = detail::make_pipe_reader(scheduler, ends.take(2), limit);
}

void Process::terminate() const { child_->send_signal(SIGTERM); }

std::string Process::repr() const { return "<Process " + std::to_string(pid()) + ">"; }

// --- communicate --------------------------------------------------------------------------------

namespace {

// What the readers of one communicate() share. They are tasks and may outlive its frame.
struct Collected {
  base::Ref<detail::Child> child;
  std::optional<StreamReader> output_reader;
  std::optional<StreamReader> errors_reader;
  std::string output;
  std::string errors;
  std::size_t left = 0;
  bool over = false;

  // Both readers end at once, also when the child's own children hold the pipes open.
  void stop() {
    over = true;
    child->kill();
    if (output_reader) output_reader->feed_eof();
    if (errors_reader) errors_reader->feed_eof();
  }
};

bool is_gone_reader(const std::exception_ptr& error) {
  return base::exception_is<BrokenPipeError>(error) ||
         base::exception_is<ConnectionResetError>(error);
}

Coro<> feed(StreamWriter writer, std::string input) {
  if (!input.empty()) {
    writer.write(input);
    auto drained = co_await try_(writer.drain());
    if (!drained.ok() && !is_gone_reader(drained.exception())) {
      co_await raise(drained.exception());
    }
  }
  writer.close();
}

Coro<> collect(StreamReader reader, std::shared_ptr<Collected> all, std::string Collected::* into) {
  constexpr std::ptrdiff_t kPart = 64 * 1024;
  if (all->left == std::numeric_limits<std::size_t>::max()) {
    (*all).*into = co_await pass(reader.read());
    co_return;
  }
  for (;;) {
    const std::string part = co_await pass(reader.read(kPart));
    if (part.empty()) co_return;
    const std::size_t taken = std::min(part.size(), all->left);
    ((*all).*into).append(part, 0, taken);
    all->left -= taken;
    if (taken < part.size()) {
      all->stop();
      co_return;
    }
  }
}

Coro<std::pair<std::string, std::string>> communicate_with(Process process, std::string input,
                                                           std::shared_ptr<Collected> all) {
  std::vector<Coro<>> parts;
  if (process.stdin) parts.push_back(feed(*process.stdin, std::move(input)));
  if (process.stdout) parts.push_back(collect(*process.stdout, all, &Collected::output));
  if (process.stderr) parts.push_back(collect(*process.stderr, all, &Collected::errors));
  co_await pass(gather(std::move(parts)));
  co_await pass(process.wait());
  if (all->over) {
    const std::string text = process.repr() + " wrote more than " +
                             std::to_string(all->output.size() + all->errors.size()) +
                             " bytes and was killed";
    co_await raise(std::make_exception_ptr(
        subprocess::OutputLimitError(text, std::move(all->output), std::move(all->errors))));
  }
  co_return std::pair<std::string, std::string>(std::move(all->output), std::move(all->errors));
}

}  // namespace

Coro<std::pair<std::string, std::string>> Process::communicate(std::string_view input,
                                                               CommunicateOptions options) const {
  auto all = std::make_shared<Collected>();
  all->child = child_;
  all->output_reader = stdout;
  all->errors_reader = stderr;
  all->left = options.max_output;
  return communicate_with(*this, std::string(input), std::move(all));
}

}  // namespace asyncio
