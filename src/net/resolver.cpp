#include "asyncio/net/resolver.hpp"

#include <netdb.h>

#include <atomic>
#include <memory>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/threads/default_executor.hpp"

namespace asyncio {
namespace detail {

/// Owns itself from submit() until ended(): the await may be cancelled while the thread works, and
/// a thread that nobody waited for may come to it when the loop has gone.
class ResolveJob final : public ThreadJob {
 public:
  ResolveJob(std::shared_ptr<Backend> backend, ResolveQuery query, Resolve& waiter)
      : backend_(std::move(backend)), query_(std::move(query)), waiter_(&waiter) {}

  /// What has not begun never will.
  void forget_waiter() noexcept {
    waiter_ = nullptr;
    unwanted_.store(true, std::memory_order_relaxed);
  }

  void run() noexcept override {
    if (unwanted_.load(std::memory_order_relaxed)) return;
    ran_ = true;
    try {
      answer_ = backend_->resolve(query_);
    } catch (const std::bad_alloc&) {
      answer_.error = EAI_MEMORY;
      answer_.reason.clear();
    }
  }

  void ended() noexcept override {
    if (waiter_ != nullptr) {
      waiter_->answer_ = std::move(answer_);
      if (!ran_) {
        waiter_->failure_ = std::make_exception_ptr(
            RuntimeError("the executor was shut down before the look-up could run"));
      }
      waiter_->job_ = nullptr;
      waiter_->wake();
    }
    delete this;
  }

 private:
  std::shared_ptr<Backend> backend_;
  ResolveQuery query_;
  ResolveAnswer answer_;
  Resolve* waiter_;  // loop thread
  std::atomic<bool> unwanted_{false};
  bool ran_ = false;
};

Resolve::Resolve(ResolveQuery query) : query_(std::move(query)) {}

Resolve::Resolve(Resolve&& other) noexcept
    : Suspend(std::move(other)), query_(std::move(other.query_)) {}

Resolve::~Resolve() { forget_job(); }

bool Resolve::await_ready() {
  // A NUL would cut the name short on its way to the resolver.
  if (query_.host.find('\0') != std::string::npos) {
    failure_ = std::make_exception_ptr(ValueError("embedded null character in the host name"));
    return true;
  }
  SocketAddress numeric;
  const auto port = static_cast<std::uint16_t>(std::stoul(query_.service));
  if (!SocketAddress::parse(query_.host, port, numeric)) return false;
  if (query_.family != 0 && query_.family != numeric.family()) return false;
  answer_.addresses.push_back(numeric);
  return true;
}

bool Resolve::await_suspend(Continuation continuation) {
  Scheduler& scheduler = running_scheduler();
  auto job = std::make_unique<ResolveJob>(scheduler.share_backend(), query_, *this);
  try {
    job->submit(scheduler);
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
  job_ = job.release();
  return park(continuation);
}

bool Resolve::abort() {
  forget_job();
  return true;
}

void Resolve::forget_job() noexcept {
  if (job_ != nullptr) std::exchange(job_, nullptr)->forget_waiter();
}

std::exception_ptr Resolve::error() {
  if (cancelled()) return cancellation();
  if (failure_) return failure_;
  if (answer_.error == 0) return nullptr;
  const std::string context = "getaddrinfo " + (query_.host.empty() ? "(any host)" : query_.host);
  return std::make_exception_ptr(GaiError(answer_.error, context, answer_.reason));
}

std::vector<SocketAddress> Resolve::await_resume() {
  if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  return std::move(answer_.addresses);
}

std::uint16_t check_port(int port) {
  if (port < 0 || port > 65535) {
    throw ValueError("port must be 0-65535, not " + std::to_string(port));
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace detail

detail::Resolve getaddrinfo(std::string_view host, int port, ResolveOptions options) {
  ResolveQuery query;
  query.host = host;
  query.service = std::to_string(detail::check_port(port));
  query.family = options.family;
  query.passive = options.passive;
  return detail::Resolve(std::move(query));
}

}  // namespace asyncio
