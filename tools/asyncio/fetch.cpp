// `asyncio fetch`: as many tasks as connections, each with one address, until none is left.
#include "tools/asyncio/fetch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>

#include "asyncio/http.hpp"
#include "asyncio/ssl.hpp"
#include "tools/asyncio/body_sinks.hpp"
#include "tools/asyncio/download.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/failure.hpp"
#include "tools/asyncio/fetch_report.hpp"
#include "tools/asyncio/file_names.hpp"
#include "tools/asyncio/progress.hpp"
#include "tools/asyncio/stop_signals.hpp"
#include "tools/asyncio/terminal.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"
#include "tools/asyncio/url_list.hpp"
#include "tools/asyncio/url_queue.hpp"

namespace asyncio::tool {
namespace {

constexpr int kExitNothingReachable = 3;
// Bodies that wait for their turn on standard output, all together.
constexpr std::size_t kMostKept = std::size_t{64} << 20;

enum class Ending { all_done, interrupted, total_timeout, output_failed };
enum class Bodies { to_files, to_stdout, nowhere };

Bodies bodies_of(const FetchOptions& options) {
  if (!options.output_folder.empty()) return Bodies::to_files;
  return options.json ? Bodies::nowhere : Bodies::to_stdout;
}

// What was typed is checked before anything is sent; a bad line in a long file is one failure.
std::vector<std::string> all_urls(const FetchOptions& options) {
  for (const std::string& url : options.urls) {
    try {
      (void)http::Url::parse(url);
    } catch (const http::InvalidURL& error) {
      throw UsageError("asyncio fetch: " + quote(url) + ": " +
                       escape_controls(error.description()));
    }
  }
  std::vector<std::string> urls = options.urls;
  if (!options.input_file.empty()) {
    for (std::string& url : read_url_list(options.input_file)) urls.push_back(std::move(url));
  }
  return urls;
}

void check_headers(const FetchOptions& options) {
  http::Headers fields;
  for (const auto& [name, value] : options.headers) {
    try {
      fields.add(name, value);
    } catch (const std::exception& error) {
      throw UsageError("asyncio fetch: --header: " + quote(name) + ": " +
                       escape_controls(error.what()));
    }
  }
}

ssl::SSLContext read_tls_files(const FetchOptions& options) {
  ssl::SSLContext context = options.insecure          ? ssl::create_unverified_context()
                            : options.ca_file.empty() ? ssl::create_default_context()
                                                      : ssl::SSLContext(ssl::PROTOCOL_TLS_CLIENT);
  context.set_alpn_protocols({"http/1.1"});
  if (!options.ca_file.empty()) context.load_verify_locations(options.ca_file);
  if (!options.cert_file.empty()) context.load_cert_chain(options.cert_file, options.key_file);
  return context;
}

// What the options say; nothing: the session's default does.
std::optional<ssl::SSLContext> make_tls_context(const FetchOptions& options) {
  if (!options.insecure && options.ca_file.empty() && options.cert_file.empty()) return {};
  try {
    return read_tls_files(options);
  } catch (const OSError& error) {
    throw UsageError("asyncio fetch: " + std::string(error.what()));
  }
}

// How many connections the limit of descriptors allows, beside those that are open already, those
// of the loop and of name look-ups. A file that is written needs one more.
std::size_t most_connections(std::size_t limit, Bodies bodies) {
  constexpr std::size_t kReserve = 40;
  std::error_code error;
  std::size_t used = 3;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; at != end;
       at.increment(error)) {
    ++used;
  }
  const std::size_t left = limit > used + kReserve ? limit - used - kReserve : 0;
  return std::max<std::size_t>(1, bodies == Bodies::to_files ? left / 2 : left);
}

// Whether what we print may end up on the terminal where the bar is: at once, or by way of a pipe.
bool may_share_terminal(const FetchOptions& options) {
  if (bodies_of(options) == Bodies::to_files && !options.json) return false;
  struct stat status{};
  if (::fstat(STDOUT_FILENO, &status) != 0) return false;
  return ::isatty(STDOUT_FILENO) == 1 || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
}

class FetchRun {
 public:
  FetchRun(const FetchOptions& options, std::vector<std::string> urls);

  Coro<int> run();
  /// The first signal that came; 0 without one.
  [[nodiscard]] int signal_number() const { return signal_; }

 private:
  class Leaving;
  struct Running {
    Task<> task;
    const DownloadResult* result;  // as far as it is; null before it begins
  };

  void limit_connections();
  [[nodiscard]] http::ClientSessionOptions session_options() const;
  void begin_what_fits();
  Coro<Ending> run_all();
  Coro<> stop(Ending ending);
  Coro<> run_one(std::size_t index);
  Coro<> fetch_one(std::size_t index, DownloadResult& result);
  Coro<> tell(const DownloadResult& result);
  Coro<> fail_the_rest();
  Coro<> show_progress();
  [[nodiscard]] int finish(Ending ending);
  [[nodiscard]] std::unique_ptr<BodySink> sink_of(std::size_t index);
  [[nodiscard]] std::optional<Delay> time_left() const;
  [[nodiscard]] double seconds() const;

  const FetchOptions& options_;
  const std::vector<std::string> urls_;
  const Bodies bodies_;
  const Terminal terminal_ = Terminal::of(STDERR_FILENO);
  std::shared_ptr<const OutputFolder> folder_;
  std::vector<std::string> names_;  // of the files
  UrlQueue queue_;
  std::size_t connections_;
  DownloadSettings settings_;
  std::mt19937_64 random_{std::random_device()()};
  StandardOutput output_;
  Turns turns_;
  FetchReport report_;
  std::optional<ProgressBar> bar_;
  Task<> ticker_;
  http::ClientSession* session_ = nullptr;
  std::unordered_map<std::size_t, Running> running_;
  Future<> one_ended_;
  Nanoseconds started_{0};
  std::string stopping_;  // why, once tasks are being cancelled
  int signal_ = 0;
};

FetchRun::FetchRun(const FetchOptions& options, std::vector<std::string> urls)
    : options_(options),
      urls_(std::move(urls)),
      bodies_(bodies_of(options)),
      queue_(urls_,
             options.connections_per_host < options.connections ? options.connections_per_host : 0),
      connections_(options.connections),
      output_(STDOUT_FILENO, bodies_ == Bodies::to_stdout && ::isatty(STDOUT_FILENO) == 1
                                 ? StandardOutput::Show::escaped
                                 : StandardOutput::Show::as_it_is) {
  if (bodies_ == Bodies::to_files) {
    folder_ = std::make_shared<const OutputFolder>(options.output_folder);
    names_ = file_names(urls_);
  }
  settings_.headers = options.headers;
  if (options.timeout.count() > 0) settings_.timeout = options.timeout;
  settings_.retry.retries = options.retries;
  settings_.chance = [this] { return std::uniform_real_distribution<double>(0, 1)(random_); };
  if (!options.quiet && terminal_.is_tty && !may_share_terminal(options)) {
    bar_.emplace(terminal_, "fetch", urls_.size());
  }
}

// Runs however the main coroutine ends, also when a second signal throws it away.
class FetchRun::Leaving {
 public:
  Leaving(FetchRun& run, const StopSignals& signals) : run_(run), signals_(signals) {}
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() {
    run_.signal_ = signals_.signal_number();
    run_.output_.abandon();
    if (run_.bar_) run_.bar_->clear();
    run_.session_ = nullptr;
  }

 private:
  FetchRun& run_;
  const StopSignals& signals_;
};

void FetchRun::limit_connections() {
  const std::size_t limit = get_running_loop().scheduler().backend().descriptor_limit();
  const std::size_t most = most_connections(limit, bodies_);
  const std::size_t wanted = std::min<std::size_t>(connections_, urls_.size());
  connections_ = std::min(connections_, most);
  if (most >= wanted) return;
  write_stderr("asyncio fetch: " + std::to_string(most) + " connections at once instead of " +
               std::to_string(wanted) + ": only " + std::to_string(limit) +
               " files may be open; raise the limit with ulimit -n, or use -c\n");
}

http::ClientSessionOptions FetchRun::session_options() const {
  http::ClientSessionOptions session;
  session.limit = connections_;
  session.limit_per_host = options_.connections_per_host;
  session.max_redirects = options_.max_redirects;
  // The limit of a request is ours, since it must not run while we keep the server waiting. Making
  // the connection gets a little less, so that a host that does not answer is known as such.
  session.timeout.total = std::nullopt;
  if (settings_.timeout) {
    const Nanoseconds connect = *settings_.timeout - *settings_.timeout / 16;
    session.timeout.sock_connect = std::min(connect, session.timeout.sock_connect->value());
  }
  return session;
}

Coro<int> FetchRun::run() {
  const StopSignals signals(current_task());
  const Leaving leaving(*this, signals);
  started_ = get_running_loop().time();
  limit_connections();
  const std::optional<ssl::SSLContext> tls = make_tls_context(options_);
  http::ClientSessionOptions of_session = session_options();
  of_session.ssl = tls ? &*tls : nullptr;
  http::ClientSession session(of_session);
  session_ = &session;
  if (bar_) ticker_ = create_task(show_progress());
  const Ending ending = co_await run_all();
  signal_ = signals.signal_number();
  co_await stop(ending);
  co_return finish(ending);
}

void FetchRun::begin_what_fits() {
  while (running_.size() < connections_) {
    const std::optional<std::size_t> index = queue_.take();
    if (!index) return;
    running_.emplace(*index, Running{create_task(run_one(*index)), nullptr});
  }
}

Coro<Ending> FetchRun::run_all() {
  for (;;) {
    if (output_.failure()) co_return Ending::output_failed;
    begin_what_fits();
    if (running_.empty()) co_return Ending::all_done;
    one_ended_ = get_running_loop().create_future();
    Result<void> outcome = co_await try_(wait_for(one_ended_, time_left()));
    if (outcome.ok()) continue;
    if (base::exception_is<TimeoutError>(outcome.exception())) co_return Ending::total_timeout;
    if (!base::exception_is<CancelledError>(outcome.exception())) {
      co_await raise(outcome.exception());
    }
    // The signal has been heard: what follows must run to its end.
    current_task().uncancel();
    co_return Ending::interrupted;
  }
}

std::optional<Delay> FetchRun::time_left() const {
  if (options_.total_timeout.count() == 0) return std::nullopt;
  return Delay(started_ + options_.total_timeout - get_running_loop().time());
}

double FetchRun::seconds() const { return Delay(get_running_loop().time() - started_).seconds(); }

// Ends what still runs and writes what is still to be written.
Coro<> FetchRun::stop(Ending ending) {
  if (ending == Ending::interrupted) stopping_ = "interrupted";
  if (ending == Ending::total_timeout) stopping_ = "total timeout";
  if (ending == Ending::output_failed) stopping_ = "standard output failed";
  std::vector<Task<>> tasks;
  for (const auto& [index, running] : running_) tasks.push_back(running.task);
  for (const Task<>& task : tasks) task.cancel();
  if (!tasks.empty()) co_await wait(std::move(tasks));
  if (ending == Ending::total_timeout) co_await fail_the_rest();
  if (ticker_) ticker_.cancel();
  if (ending == Ending::output_failed) co_return;
  // Whoever was interrupted does not wait for a reader that has stopped reading.
  const auto patience =
      ending == Ending::all_done ? std::nullopt : std::optional(Delay(std::chrono::seconds(1)));
  Result<void> flushed = co_await try_(wait_for(output_.flush(), patience));
  if (base::exception_is<CancelledError>(flushed.exception())) co_await raise(flushed.exception());
}

Coro<> FetchRun::fail_the_rest() {
  while (const std::optional<std::size_t> index = queue_.take()) {
    DownloadResult result;
    result.url = urls_[*index];
    result.reason = stopping_;
    result.error = "not begun before the total timeout";
    co_await tell(result);
    queue_.give_back(*index);
  }
}

// A report that people can act on, then the exit code.
int FetchRun::finish(Ending ending) {
  if (bar_) bar_->clear();
  if (output_.failure()) {
    throw ToolError("cannot " + failure_of(output_.failure()).detail);
  }
  FetchReport::End end;
  end.total = urls_.size();
  end.seconds = seconds();
  end.early = stopping_;
  if (!options_.quiet) write_stderr(report_.summary(end, terminal_));
  if (ending == Ending::interrupted) return kExitSignalBase + signal_;
  if (report_.nothing_reachable()) return kExitNothingReachable;
  return report_.failed() == 0 ? 0 : kExitFailure;
}

Coro<> FetchRun::run_one(std::size_t index) {
  const Nanoseconds begun = get_running_loop().time();
  DownloadResult result;
  result.url = urls_[index];
  running_.at(index).result = &result;
  Result<void> outcome = co_await try_(fetch_one(index, result));
  if (base::exception_is<CancelledError>(outcome.exception())) {
    result.reason = stopping_.empty() ? "interrupted" : stopping_;
    result.error = "cancelled: " + result.reason;
  } else if (!outcome.ok()) {
    Failure failure = failure_of(outcome.exception());
    result.reason = std::move(failure.reason);
    result.error = std::move(failure.detail);
  }
  result.seconds = Delay(get_running_loop().time() - begun).seconds();
  Result<void> told = co_await try_(tell(result));  // run_all() sees when it failed
  (void)told;
  turns_.finish(index);
  queue_.give_back(index);
  running_.erase(index);
  if (one_ended_ && !one_ended_.done()) one_ended_.set_result();
}

Coro<> FetchRun::fetch_one(std::size_t index, DownloadResult& result) {
  const bool to_file = bodies_ == Bodies::to_files;
  if (to_file && !options_.force && !names_[index].empty() && folder_->has(names_[index])) {
    result.reason = "file exists";
    result.error =
        "write " + folder_->path_of(names_[index]) + ": file exists (--force overwrites)";
    co_return;
  }
  const std::unique_ptr<BodySink> sink = sink_of(index);
  co_await download(*session_, settings_, *sink, result);
  if (to_file && result.reason.empty()) result.file = folder_->path_of(names_[index]);
}

std::unique_ptr<BodySink> FetchRun::sink_of(std::size_t index) {
  switch (bodies_) {
    case Bodies::to_files:
      return std::make_unique<FileSink>(folder_, names_[index],
                                        options_.force ? Overwrite::always : Overwrite::never);
    case Bodies::to_stdout: {
      const std::size_t most =
          std::clamp<std::size_t>(kMostKept / connections_, 16 * 1024, 1024 * 1024);
      return std::make_unique<OrderedSink>(OrderedSink::Place{output_, turns_, index, most});
    }
    case Bodies::nowhere:
      break;
  }
  return std::make_unique<NoSink>();
}

Coro<> FetchRun::tell(const DownloadResult& result) {
  if (result.reason != "interrupted") report_.add(result);
  if (!options_.json) co_return;
  std::string line = json_line(result);
  if (stopping_.empty()) {
    co_await output_.write(std::move(line));
  } else {
    output_.post(line);
  }
}

Coro<> FetchRun::show_progress() {
  for (;;) {
    ProgressBar::Extent extent{report_.bytes(), 0};
    for (const auto& [index, running] : running_) {
      if (running.result == nullptr) continue;
      const auto bytes = static_cast<double>(running.result->bytes);
      const auto all = static_cast<double>(running.result->announced.value_or(0));
      extent.bytes += running.result->bytes;
      if (all > 0) extent.under_way += std::min(1.0, bytes / all);
    }
    bar_->update(report_.fetched() + report_.failed(), report_.failed(), extent);
    co_await sleep(std::chrono::milliseconds(100));
  }
}

}  // namespace

int run_fetch(const FetchOptions& options) {
  check_headers(options);
  FetchRun run(options, all_urls(options));
  try {
    return asyncio::run(run.run());
  } catch (const KeyboardInterrupt&) {
    throw Interrupted(run.signal_number() != 0 ? run.signal_number() : SIGINT);
  }
}

}  // namespace asyncio::tool
