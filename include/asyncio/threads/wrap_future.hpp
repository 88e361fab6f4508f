// wrap_future(): a concurrent future as one that can be awaited; and the way back, which
// run_coroutine_threadsafe takes.
#pragma once

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/remote_loop.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/threads/concurrent_future.hpp"

namespace asyncio {

namespace detail {

/// Joins a future of a loop and a concurrent one. The loop's future, whose count is not atomic, is
/// held and dropped here on the loop's thread alone: the link keeps itself until both are settled
/// or the loop closes. Other threads hold the link, which is counted atomically.
class FutureLink : public LoopResource {
 public:
  void on_loop_close() noexcept final;

 protected:
  FutureLink(const AnyFuture& future, Scheduler& scheduler)
      : future_(future), loop_(scheduler.remote()) {
    static_cast<ReadyNode&>(news_).run = &FutureLink::arrived;
  }
  ~FutureLink() = default;

  /// The loop closes: whoever waits on the other side must hear of it.
  virtual void loop_closed() noexcept {}
  void keep(std::shared_ptr<FutureLink> self, Scheduler& scheduler) noexcept;
  /// Both are settled. This may be gone afterwards.
  void release() noexcept;
  /// on_news() is called on the loop's thread, unless the loop closes first. Once; takes no memory,
  /// so that what a thread has done is told in any case.
  void send_news(std::shared_ptr<FutureLink> self) noexcept;
  virtual void on_news() {}
  /// Runs `call` on the loop's thread, or not at all.
  void send(base::UniqueFunction<void()> call) const;

  AnyFuture future_;

 private:
  // Comes to the loop as a job does, and has its turn as a callback does.
  struct News final : BlockingJob, ReadyNode {
    void run() noexcept override {}
    void done() noexcept override;
    std::shared_ptr<FutureLink> link;  // while it is on its way
  };
  static void arrived(ReadyNode* node);

  std::shared_ptr<RemoteLoop> loop_;
  std::shared_ptr<FutureLink> self_;
  News news_;
};

/// What the loop's side makes of an exception of concurrent.futures: its own of that name.
std::exception_ptr convert_exception(const std::exception_ptr& error);

/// From a thread to the loop.
template <class T>
class InboundLink final : public FutureLink, public std::enable_shared_from_this<InboundLink<T>> {
 public:
  InboundLink(const Future<T>& future, concurrent::Future<T> source, Scheduler& scheduler)
      : FutureLink(future, scheduler), source_(std::move(source)) {}

  void start(Scheduler& scheduler) {
    auto self = this->shared_from_this();
    keep(self, scheduler);
    future_.add_done_callback([self](const AnyFuture& future) {
      if (future.cancelled()) self->source_.cancel();
    });
    source_.add_done_callback([self](const concurrent::Future<T>&) { self->send_news(self); });
  }

 private:
  void on_news() override {
    if (!future_) return;
    Future<T> target{Ref<FutureBase>(future_.block())};
    release();
    if (target.done()) return;
    if (source_.cancelled()) {
      target.cancel();
    } else if (std::exception_ptr error = source_.exception()) {
      target.set_exception(convert_exception(error));
    } else if constexpr (std::is_void_v<T>) {
      target.set_result();
    } else if constexpr (std::is_copy_constructible_v<T>) {
      target.set_result(source_.result());
    } else {
      target.set_result(std::move(source_).result());
    }
  }

  concurrent::Future<T> source_;
};

/// From a task to threads.
template <class T>
class OutboundLink final : public FutureLink, public std::enable_shared_from_this<OutboundLink<T>> {
 public:
  OutboundLink(const Task<T>& task, concurrent::Future<T> target, Scheduler& scheduler)
      : FutureLink(task, scheduler), target_(std::move(target)) {}

  void start(Scheduler& scheduler) {
    auto self = this->shared_from_this();
    keep(self, scheduler);
    target_.add_done_callback([self](const concurrent::Future<T>& target) {
      if (!target.cancelled()) return;
      self->send([self] {
        if (self->future_) self->future_.cancel();
      });
    });
    future_.add_done_callback([self](const AnyFuture&) { self->settle(); });
  }

 private:
  void settle() {
    if (!future_) return;
    Future<T> source{Ref<FutureBase>(future_.block())};
    release();
    if (source.cancelled()) target_.cancel();
    if (!target_.set_running_or_notify_cancel()) {
      source.block()->mark_retrieved();
    } else if (std::exception_ptr error = source.exception()) {
      target_.set_exception(std::move(error));
    } else if constexpr (std::is_void_v<T>) {
      target_.set_result();
    } else {
      target_.set_result(std::move(source).result());  // nobody else has a typed handle
    }
  }
  void loop_closed() noexcept override { target_.block()->cancel_unrun(); }

  concurrent::Future<T> target_;
};

template <class T>
Future<T> wrap_future(Scheduler& scheduler, concurrent::Future<T> source) {
  Future<T> future = make_future<T>(scheduler);
  std::make_shared<InboundLink<T>>(future, std::move(source), scheduler)->start(scheduler);
  return future;
}

}  // namespace detail

/// A future of the running loop that settles as `source` does. Cancelling either cancels the other,
/// as far as it can be: a function that has begun runs on. Python: asyncio.wrap_future.
template <class T>
[[nodiscard]] Future<T> wrap_future(concurrent::Future<T> source) {
  return detail::wrap_future(detail::current_scheduler(), std::move(source));
}
/// A future of a loop as it is.
template <class T>
[[nodiscard]] Future<T> wrap_future(Future<T> future) noexcept {
  return future;
}

}  // namespace asyncio
