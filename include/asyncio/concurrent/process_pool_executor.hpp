// concurrent::ProcessPoolExecutor: processes for work that threads cannot do side by side: code
// that is not thread-safe, that may crash, or that must not share the program's memory. What it
// needs of cereal: asyncio/concurrent/archive.hpp.
#pragma once

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/concurrent/process_call.hpp"
#include "asyncio/concurrent/process_pool.hpp"
#include "asyncio/threads/pull_range.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"

namespace asyncio::concurrent {

/// Options of ProcessPoolExecutor::map.
struct ProcessMapOptions {
  std::optional<Delay> timeout = {};  ///< from the call on, for each result
  std::size_t chunksize = 1;          ///< so many items travel together: large for small work
};

/// The results of ProcessPoolExecutor::map, in the order of the items: `for (auto value :
/// results)`, or next() by hand. Blocks for each; throws what the function threw, of a chunk in
/// place of all its results. What has not begun when this goes is cancelled. void is
/// std::monostate.
template <class T>
class ProcessMapResults
    : public asyncio::detail::PullRange<ProcessMapResults<T>, asyncio::base::non_void_t<T>> {
  using Value = asyncio::base::non_void_t<T>;

 public:
  ProcessMapResults(std::vector<Future<std::vector<Value>>> chunks,
                    std::optional<Nanoseconds> deadline)
      : chunks_(std::move(chunks)), deadline_(deadline) {}
  ProcessMapResults(ProcessMapResults&&) noexcept = default;
  ProcessMapResults& operator=(ProcessMapResults&&) = delete;
  ~ProcessMapResults() {
    for (const auto& chunk : chunks_) chunk.cancel();
  }

  /// Nothing at the end. TimeoutError.
  std::optional<Value> next() {
    while (taken_ == current_.size()) {
      if (next_chunk_ == chunks_.size()) return {};
      std::optional<Delay> left;
      if (deadline_) left = ThreadPoolExecutor::time_left(*deadline_);
      Future<std::vector<Value>> chunk = chunks_[next_chunk_++];
      taken_ = 0;
      current_.clear();
      current_ = std::move(chunk).result(left);
    }
    return std::move(current_[taken_++]);
  }

 private:
  std::vector<Future<std::vector<Value>>> chunks_;
  std::optional<Nanoseconds> deadline_;
  std::size_t next_chunk_ = 0;
  std::vector<Value> current_;
  std::size_t taken_ = 0;
};

/// Runs functions in processes, which are forked when work finds none idle, and kept. Any thread
/// may call it, but make it before the program's threads and loops: process_pool.hpp says why, and
/// a RuntimeWarning is logged otherwise.
///
/// A function is a pointer, a lambda without captures, or an object that cereal can take apart.
/// Arguments and results travel by value; pointers, references and views are refused. An exception
/// arrives with type, text and process (RemoteCause). When a worker dies - a signal, exit(),
/// abort() - all futures that are not done fail with BrokenProcessPool, and so does submit() from
/// then on, unless `replace_dead_workers`.
///
/// Workers see the program as it was when the pool was made. They have no standard input and none
/// of its descriptors but output and errors, default signal handling, and ignore Ctrl-C. They end
/// with the program, however that ends; its destructors and atexit() functions do not run in them.
/// Python: concurrent.futures.ProcessPoolExecutor.
class ProcessPoolExecutor {
 public:
  /// `initializer` runs first in each worker; it may capture what it likes. When it throws, that is
  /// logged and the pool is broken. ValueError("max_workers must be greater than 0"); OSError when
  /// there can be no process.
  explicit ProcessPoolExecutor(ProcessPoolOptions options = {},
                               std::function<void()> initializer = nullptr)
      : pool_(options, std::move(initializer)) {}

  /// Runs `function(args...)` in a worker; a large argument is not copied first when it is given
  /// away, `std::move(text)`. What cannot be serialized fails this future alone, with
  /// SerializationError. Cancelling the future works until a worker has begun. RuntimeError("cannot
  /// schedule new futures after shutdown"), BrokenProcessPool. Python: Executor.submit.
  template <class F, class... Args>
  auto submit(const F& function, Args&&... args) {
    using Call = asyncio::detail::ProcessCall<F, Args...>;
    return post<typename Call::Result>(&Call::run, asyncio::detail::code_of(function),
                                       [&](asyncio::detail::Arguments& to) {
                                         Call::pack(to, function, std::forward<Args>(args)...);
                                       });
  }

  /// Submits `function(item)` for all items at once, `chunksize` of them at a time. Python:
  /// Executor.map.
  template <class F, class Range>
  auto map(const F& function, const Range& items, ProcessMapOptions options = {}) {
    if (options.chunksize < 1) throw ValueError("chunksize must be >= 1.");
    using Chunk = asyncio::detail::ProcessChunk<F, asyncio::detail::item_t<Range>>;
    const std::optional<Nanoseconds> deadline = ThreadPoolExecutor::deadline_of(options.timeout);
    std::vector<Future<typename Chunk::Results>> chunks;
    const auto end = std::end(items);
    for (auto item = std::begin(items); item != end;) {
      chunks.push_back(post<typename Chunk::Results>(
          &Chunk::run, asyncio::detail::code_of(function), [&](asyncio::detail::Arguments& to) {
            Chunk::pack(to, function, item, end, options.chunksize);
          }));
    }
    return ProcessMapResults<typename Chunk::Result>(std::move(chunks), deadline);
  }

  /// No more work is taken; waits for what there is and for the processes, or lets them end by
  /// themselves. The program ends after them. Python: Executor.shutdown.
  void shutdown(ShutdownOptions options = {}) { pool_.shutdown(options); }
  /// Ends the workers by SIGTERM, whatever they do, and shuts down: all that is not done fails
  /// with BrokenProcessPool. Python: ProcessPoolExecutor.terminate_workers.
  void terminate_workers() { pool_.end_workers(SIGTERM); }
  /// The same by SIGKILL. Python: ProcessPoolExecutor.kill_workers.
  void kill_workers() { pool_.end_workers(SIGKILL); }

  // --- for the library --------------------------------------------------------------------------

  /// Any call whose arguments `pack(arguments)` writes.
  template <class T, class Pack>
  Future<T> post(asyncio::detail::ProcessEntry entry, const void* code, Pack pack,
                 std::uint64_t group = 0) {
    auto call = asyncio::detail::Ref<asyncio::detail::AnsweredCall<T>>::adopt(
        new asyncio::detail::AnsweredCall<T>);
    Future<T> future{asyncio::detail::Ref<asyncio::detail::ThreadFutureOf<T>>(call.get())};
    call->entry = entry;
    call->function = code;
    call->group = group;
    try {
      asyncio::detail::serialize_or_explain("the arguments", [&] {
        asyncio::detail::Arguments arguments(*call);
        pack(arguments);
      });
    } catch (...) {
      call->set_exception(std::current_exception());
      return future;
    }
    pool_.post(*call);
    call.release();  // the pool's reference
    return future;
  }
  [[nodiscard]] asyncio::detail::ProcessPool& pool() noexcept { return pool_; }

 private:
  asyncio::detail::ProcessPool pool_;
};

}  // namespace asyncio::concurrent
