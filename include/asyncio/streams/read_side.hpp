// The shared state behind a StreamReader: bytes that were received and not read yet, the end, the
// error, and who waits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/base/pool.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/streams/byte_queue.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

/// By itself it is fed by hand (StreamReader::feed_data). A Connection derives from it and pulls
/// from its socket when a read needs more: nothing is read ahead, so flow control is the kernel's,
/// and a connection that waits holds no buffer.
///
/// Unread bytes are in the loop's scratch buffer, where recv has put them, until somebody else
/// needs that; then, or when more must be joined to them, they move to a buffer of our own.
class ReadSide : public ScratchTenant, public base::Pooled {
 public:
  explicit ReadSide(std::size_t limit) noexcept
      : limit_(static_cast<std::uint32_t>(std::min<std::size_t>(limit, ~std::uint32_t{0}))) {}
  ReadSide(const ReadSide&) = delete;
  ReadSide& operator=(const ReadSide&) = delete;
  virtual ~ReadSide() = default;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// Valid until the next await, feed or consume.
  [[nodiscard]] std::string_view view() const noexcept {
    return in_scratch_.empty() ? own_.view() : in_scratch_;
  }
  [[nodiscard]] bool at_end() const noexcept { return end_; }
  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

  void consume(std::size_t count) noexcept;
  /// consume() that gives the bytes; moves them when it can.
  std::string take(std::size_t count);

  void feed(std::string_view data);
  void feed_end() noexcept;
  void set_exception(std::exception_ptr error) noexcept;

  enum class Fill : std::uint8_t {
    more,     ///< the view has grown
    blocked,  ///< wait; the listener will be told
    turn,     ///< others first: ask again in the next turn
    end,
    failed,  ///< exception() says why
  };
  /// One try to get more.
  virtual Fill fill();

  /// One read waits at a time. False when another one does already.
  virtual bool set_waiter(ReadinessListener& waiter);
  virtual void remove_waiter(const ReadinessListener& waiter) noexcept;
  /// "<Transport fd=7 ...>" of where the bytes come from; empty when they are fed by hand.
  [[nodiscard]] virtual std::string source_repr() const { return {}; }
  [[nodiscard]] bool has_waiter() const noexcept { return waiter_ != nullptr; }
  /// Tells the waiter in the next turn, although nothing has happened.
  virtual void tell_in_next_turn() {}

  /// Unread bytes move to a buffer of our own.
  void vacate_scratch() noexcept override;

 protected:
  /// recv has put `data` into the scratch buffer.
  void received(std::span<const std::byte> data);
  void tell_waiter() noexcept {
    if (waiter_ != nullptr) waiter_->on_ready();
  }
  [[nodiscard]] bool has_scratch() const noexcept { return !in_scratch_.empty(); }
  void set_end() noexcept { end_ = true; }
  void set_failure(std::exception_ptr error) noexcept { exception_ = std::move(error); }

  ReadinessListener* waiter_ = nullptr;

 private:
  ByteQueue own_;
  std::string_view in_scratch_;
  std::exception_ptr exception_;
  std::uint32_t limit_;
  std::uint32_t references_ = 0;
  bool end_ = false;
};

/// One read: looks at what is there, gets more until it has what it wants. Not a coroutine, so a
/// read costs no frame, and an error no throw.
class ReadAwaiter : public Suspend, private ReadinessListener {
 public:
  ReadAwaiter(ReadAwaiter&& other) noexcept
      : Suspend(std::move(other)),
        side_(std::exchange(other.side_, nullptr)),
        failure_(std::move(other.failure_)) {}

  bool await_ready();
  bool await_suspend(Continuation continuation);
  [[nodiscard]] std::exception_ptr error();

 protected:
  explicit ReadAwaiter(ReadSide& side) noexcept : side_(&side) { side.add_reference(); }
  ~ReadAwaiter();

  /// Whether what it wants is there: then it remembers how much that is, for await_resume to take,
  /// or it fails. After the end the answer must be true.
  virtual bool find() = 0;
  /// As the user calls it, for messages.
  [[nodiscard]] virtual const char* function() const noexcept = 0;
  bool fail(std::exception_ptr error) noexcept {
    failure_ = std::move(error);
    return true;
  }
  void check() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
  }
  [[nodiscard]] ReadSide& side() const noexcept { return *side_; }

 private:
  bool abort() override;
  bool retry() override;
  void on_ready() noexcept override { wake(); }
  bool advance();
  void stop_waiting() noexcept;

  ReadSide* side_;
  std::exception_ptr failure_;
  bool others_first_ = false;
  bool waiting_ = false;
};

}  // namespace asyncio::detail
