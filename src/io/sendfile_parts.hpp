// What loop.sendfile and loop.sock_sendfile share.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/file_call.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

/// How far the sending of a file has come.
struct SendProgress {
  std::int64_t offset;
  std::size_t left;  // the most there may be
  std::size_t sent = 0;

  void add(std::size_t count) noexcept {
    offset += static_cast<std::int64_t>(count);
    left -= count;
    sent += count;
  }
};

/// Whether this is how the kernel says that it does not send such a file to such a socket.
inline bool is_unable_to_send_file(int error) noexcept {
  switch (error) {
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOTSOCK:
    case ESPIPE:
    case EOVERFLOW:
      return true;
    default:
      return false;
  }
}

/// Await of one call on a file. The call and its buffer belong to themselves until it has ended, so
/// cancelling leaves at once. Reads give what was read; others nothing.
class FileWait final : public Suspend {
 public:
  FileWait(FileCall::Kind kind, int fd, std::int64_t offset, std::size_t size)
      : call_(new Call), kind_(kind) {
    call_->kind = kind;
    call_->fd = fd;
    call_->offset = offset;
    call_->flags = 0;  // SEEK_SET
    call_->data.resize(size);
    call_->buffer = call_->data.data();
    call_->size = size;
  }
  FileWait(FileWait&& other) noexcept
      : Suspend(std::move(other)), call_(std::exchange(other.call_, nullptr)), kind_(other.kind_) {}
  ~FileWait() {
    if (call_ != nullptr && !begun_) delete call_;
    forget();
  }

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation continuation) {
    call_->waiter = this;
    try {
      begun_ = true;
      running_scheduler().backend().start(*call_);
    } catch (...) {
      failure_ = std::current_exception();
      begun_ = false;
      return false;
    }
    return park(continuation);
  }
  std::vector<std::byte> await_resume() {
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
    data_.resize(kind_ == FileCall::Kind::read ? static_cast<std::size_t>(result_) : 0);
    return std::move(data_);
  }
  [[nodiscard]] std::exception_ptr error() const {
    if (cancelled()) return cancellation();
    if (failure_ || result_ >= 0) return failure_;
    return make_os_error(static_cast<int>(-result_),
                         kind_ == FileCall::Kind::read ? "read" : "seek");
  }

 private:
  struct Call final : FileCall {
    void done() noexcept override {
      if (waiter != nullptr) {
        waiter->call_ = nullptr;
        waiter->result_ = result;
        waiter->data_ = std::move(data);
        waiter->wake();
      }
      delete this;
    }
    FileWait* waiter = nullptr;
    std::vector<std::byte> data;
  };

  bool abort() override {
    forget();
    return true;
  }
  void forget() noexcept {
    if (begun_ && call_ != nullptr) std::exchange(call_, nullptr)->waiter = nullptr;
  }

  Call* call_;
  FileCall::Kind kind_;
  bool begun_ = false;
  std::exception_ptr failure_;
  std::ptrdiff_t result_ = 0;
  std::vector<std::byte> data_;
};

}  // namespace asyncio::detail
