// What happens in one call of a Parallel: hands out batches, collects results, ends at the first
// error. The part that knows no types is compiled (ParallelRun).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/concurrent/parallel_options.hpp"
#include "asyncio/concurrent/process_pool_executor.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"

namespace asyncio::detail {

using ParallelProgress = std::function<void(std::size_t done, std::size_t total)>;

/// The workers of a Parallel. Whoever wants results keeps them: a run does not, or it would end
/// them on one of their own threads.
struct ParallelWorkers {
  std::optional<concurrent::ProcessPoolExecutor> processes;
  std::optional<concurrent::ThreadPoolExecutor> threads;
};

class ProgressMeter;

class ParallelRun : public std::enable_shared_from_this<ParallelRun> {
 public:
  ParallelRun(const concurrent::ParallelOptions& options, int n_jobs, std::size_t total,
              ParallelProgress progress, const std::shared_ptr<ParallelWorkers>& workers);
  ParallelRun(const ParallelRun&) = delete;
  ParallelRun& operator=(const ParallelRun&) = delete;
  virtual ~ParallelRun();

  /// The items or the function are the caller's, who is to be kept until nobody uses them.
  void set_looks_at_callers() noexcept { looks_at_callers_ = true; }
  /// Hands out the first batches; nothing when it runs on the thread that asks for results.
  void begin();
  /// Blocks; throws the first exception.
  void wait_for_all();
  /// The place of the next result: of the next item, or of the next that is finished. Nothing at
  /// the end.
  std::optional<std::size_t> wait_for_next(bool in_order);
  /// Nobody wants the rest.
  void abandon() noexcept;
  /// The same, and waits for the threads that are at it: they may use what is about to go.
  void leave() noexcept;

 protected:
  struct Batch {
    std::size_t first = 0;
    std::size_t count = 0;
  };
  /// Gives a batch to the workers; finished() follows, maybe within.
  virtual void submit(ParallelWorkers& workers, Batch batch) = 0;
  /// Does one item here.
  virtual void do_here(std::size_t item) = 0;
  /// Once, when all is finished or has failed. Not under the lock.
  virtual void ended(const std::exception_ptr& error) = 0;

  /// Results are in their places; or `error`. `spent` is the time of the function alone.
  void finished(Batch batch, const std::exception_ptr& error, std::chrono::nanoseconds spent);
  /// Any thread; a worker that sees it stops at the next item.
  [[nodiscard]] bool is_stopped() const noexcept { return stopped_; }
  void stop(const std::exception_ptr& error) noexcept;
  /// Tells its calls from those of others.
  [[nodiscard]] std::uint64_t group() const noexcept { return group_; }

 private:
  using Lock = std::unique_lock<std::mutex>;

  void hand_out(Lock& lock);
  std::size_t batch_size() const;
  void learn(Batch batch, std::chrono::nanoseconds spent);
  std::exception_ptr tell_progress(Lock& lock, Batch batch);
  void publish(Batch batch);
  bool step_here(Lock& lock);
  template <class Condition>
  void wait(Lock& lock, Condition condition);
  void wait_for_users(Lock& lock);
  void throw_error(Lock& lock);
  void stop_locked(const std::exception_ptr& error) noexcept;
  [[nodiscard]] bool is_over() const noexcept {
    return telling_ == 0 && (error_ || done_ == total_);
  }

  const concurrent::ParallelOptions options_;
  const std::size_t n_jobs_;
  const std::size_t total_;
  const std::weak_ptr<ParallelWorkers> workers_;
  const bool here_;         // no workers at all
  const bool has_threads_;  // else processes
  bool looks_at_callers_ = false;
  const std::uint64_t group_;
  std::unique_ptr<ProgressMeter> meter_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t handed_out_ = 0;  // items
  std::size_t in_flight_ = 0;   // batches
  std::size_t counted_ = 0;     // items, for those who are told
  std::size_t telling_ = 0;     // threads that tell of the progress
  std::size_t done_ = 0;        // items
  std::size_t ideal_batch_ = 1;
  bool told_end_ = false;
  std::exception_ptr error_;
  std::atomic<bool> stopped_{false};  // error_ is set
  std::vector<char> is_done_;
  std::vector<std::size_t> order_;  // as they were finished
  std::size_t taken_ = 0;
};

/// What a worker process answers to a batch.
template <class Value>
struct BatchAnswer {
  std::int64_t nanoseconds = 0;
  std::vector<Value> values;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(nanoseconds, values);
  }
};

template <class Value>
inline constexpr bool kMayTravelBeside<BatchAnswer<Value>> = kMayTravelBeside<Value>;

template <class F, class Item>
struct ProcessBatch {
  using Chunk = ProcessChunk<F, Item>;
  static void run(WorkerCall& work) {
    const auto begun = std::chrono::steady_clock::now();
    auto values = Chunk::results(work);
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begun;
    answer_with(work, BatchAnswer<typename Chunk::Value>{spent.count(), std::move(values)});
  }
};

/// The items of a range, for as long as a run takes: a vector that the caller gives away is kept as
/// it is; what outlives the run is looked at where it stands; all else is copied.
enum class Lifetime : unsigned char { outlives_the_run, unknown };

template <class Item, Lifetime lifetime, class Range>
auto items_of(Range&& items) {
  using Plain = std::remove_cvref_t<Range>;
  if constexpr (std::is_same_v<Range, std::vector<Item>>) {
    return Plain(std::forward<Range>(items));
  } else if constexpr (lifetime == Lifetime::outlives_the_run &&
                       std::ranges::contiguous_range<const Plain> &&
                       std::ranges::sized_range<const Plain>) {
    using Element = std::ranges::range_value_t<const Plain>;
    if constexpr (std::is_same_v<Element, Item>) {
      return std::span<const Item>(std::ranges::data(items), std::ranges::size(items));
    } else {
      return std::deque<Item>(std::begin(items), std::end(items));
    }
  } else {
    std::deque<Item> copies;  // and no vector<bool>
    for (auto&& item : items) copies.emplace_back(item);
    return copies;
  }
}

/// With the places for the results.
template <class V>
class ParallelRunOf : public ParallelRun {
 public:
  using Value = V;
  using ParallelRun::ParallelRun;

  [[nodiscard]] Value take(std::size_t place) { return std::move(*results_[place]); }
  [[nodiscard]] std::vector<Value> take_all() {
    std::vector<Value> all;
    all.reserve(results_.size());
    for (std::optional<Value>& result : results_) all.push_back(std::move(*result));
    return all;
  }
  /// Settles when all is over; cancelling it ends the run.
  [[nodiscard]] concurrent::Future<std::vector<Value>> future() {
    future_.emplace();
    future_->add_done_callback([weak = weak_from_this()](const auto& future) {
      if (!future.cancelled()) return;
      if (const std::shared_ptr<ParallelRun> run = weak.lock()) run->abandon();
    });
    concurrent::Future<std::vector<Value>> result = *future_;
    begin();
    return result;
  }

 protected:
  void make_room(std::size_t count) { results_.resize(count); }
  void put(std::size_t place, Value value) { results_[place].emplace(std::move(value)); }

 private:
  void ended(const std::exception_ptr& error) override {
    if (!future_ || !future_->set_running_or_notify_cancel()) return;
    if (error) {
      future_->set_exception(error);
    } else {
      future_->set_result(take_all());
    }
  }

  std::vector<std::optional<Value>> results_;
  std::optional<concurrent::Future<std::vector<Value>>> future_;
};

template <class F, class Item>
inline constexpr bool kForProcesses =
    kCanBeSent<F> && kValueCanBeSent<Item> &&
    kValueCanBeSent<base::non_void_t<std::remove_cvref_t<std::invoke_result_t<F&, Item>>>>;

/// With the function and its items, which items_of() gives.
template <class F, class Item, class Items>
class ParallelRunWith final
    : public ParallelRunOf<
          base::non_void_t<std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&, Item>>>> {
  using Function = std::decay_t<F>;
  using Result = std::remove_cvref_t<std::invoke_result_t<Function&, Item>>;
  using Batch = ParallelRun::Batch;

 public:
  using Value = base::non_void_t<Result>;

  template <class... Common>
  ParallelRunWith(const Function& function, Items items, Common&&... common)
      : ParallelRunOf<Value>(std::forward<Common>(common)...),
        function_(function),
        items_(std::move(items)) {
    this->make_room(items_.size());
  }

 private:
  void do_here(std::size_t item) override { this->put(item, call(function_, items_[item])); }

  void submit(ParallelWorkers& workers, Batch batch) override {
    if (workers.threads) {
      submit_to(*workers.threads, batch);
    } else if constexpr (kForProcesses<Function, Item>) {
      submit_to(*workers.processes, batch);
    }
  }

  void submit_to(concurrent::ThreadPoolExecutor& threads, Batch batch) {
    threads.submit([self = self_of(*this), batch] {
      const auto begun = std::chrono::steady_clock::now();
      std::exception_ptr error;
      try {
        Function function = self->function_;  // one for each: it may change itself
        for (std::size_t i = batch.first; i < batch.first + batch.count; ++i) {
          if (self->is_stopped()) break;
          self->put(i, call(function, self->items_[i]));
        }
      } catch (...) {
        error = std::current_exception();
      }
      self->finished(batch, error, std::chrono::steady_clock::now() - begun);
    });
  }

  void submit_to(concurrent::ProcessPoolExecutor& processes, Batch batch) {
    using Sent = ProcessBatch<F, Item>;
    auto item = items_.begin() + static_cast<std::ptrdiff_t>(batch.first);
    auto future = processes.post<BatchAnswer<Value>>(
        &Sent::run, code_of(function_),
        [&](Arguments& arguments) {
          Sent::Chunk::pack(arguments, function_, item, items_.end(), batch.count);
        },
        this->group());
    future.add_done_callback([self = self_of(*this), batch](auto answered) {
      std::chrono::nanoseconds spent(0);
      std::exception_ptr error;
      try {
        BatchAnswer<Value> answer = std::move(answered).result();
        spent = std::chrono::nanoseconds(answer.nanoseconds);
        for (std::size_t i = 0; i < batch.count; ++i) {
          self->put(batch.first + i, std::move(answer.values[i]));
        }
      } catch (...) {
        error = std::current_exception();
      }
      self->finished(batch, error, spent);
    });
  }

  static std::shared_ptr<ParallelRunWith> self_of(ParallelRunWith& run) {
    return std::static_pointer_cast<ParallelRunWith>(run.shared_from_this());
  }
  static Value call(Function& function, Item& item) { return invoke(function, std::move(item)); }
  // The caller's: a function that only looks at it needs no copy.
  static Value call(Function& function, const Item& item) {
    if constexpr (std::is_invocable_r_v<std::invoke_result_t<Function&, Item>, Function&,
                                        const Item&>) {
      return invoke(function, item);
    } else {
      return invoke(function, Item(item));
    }
  }
  template <class Given>
  static Value invoke(Function& function, Given&& item) {
    if constexpr (std::is_void_v<Result>) {
      std::invoke(function, std::forward<Given>(item));
      return {};
    } else {
      return std::invoke(function, std::forward<Given>(item));
    }
  }

  Function function_;
  Items items_;
};

/// What a Parallel is made of.
class ParallelEngine {
 public:
  explicit ParallelEngine(const concurrent::ParallelOptions& options);
  void on_progress(ParallelProgress progress) { progress_ = std::move(progress); }
  [[nodiscard]] int n_jobs() const noexcept { return n_jobs_; }

  /// Null when the caller's thread is to do all.
  std::shared_ptr<ParallelWorkers> workers(bool may_run_here);
  /// Not begun.
  template <class F, class Item, Lifetime lifetime, class Range>
  auto make_run(const F& function, Range&& items, const std::shared_ptr<ParallelWorkers>& workers) {
    using Function = std::decay_t<F>;
    if (!kForProcesses<Function, Item>) check_backend(workers);
    auto kept = items_of<Item, lifetime>(std::forward<Range>(items));
    const std::size_t total = kept.size();
    auto run = std::make_shared<ParallelRunWith<F, Item, decltype(kept)>>(
        function, std::move(kept), options_, n_jobs_, total, progress_, workers);
    if (lifetime == Lifetime::outlives_the_run) run->set_looks_at_callers();
    return run;
  }

 private:
  static void check_backend(const std::shared_ptr<ParallelWorkers>& workers);
  void make_workers();

  concurrent::ParallelOptions options_;
  int n_jobs_;
  ParallelProgress progress_;
  std::shared_ptr<ParallelWorkers> workers_;
};

}  // namespace asyncio::detail
