#include "asyncio/streams/read_side.hpp"

#include <algorithm>

#include "asyncio/base/error.hpp"

namespace asyncio::detail {

// --- the bytes ----------------------------------------------------------------------------------

void ReadSide::consume(std::size_t count) noexcept {
  if (!in_scratch_.empty()) {
    in_scratch_.remove_prefix(std::min(count, in_scratch_.size()));
    return;
  }
  own_.consume(count);
}

std::string ReadSide::take(std::size_t count) {
  if (in_scratch_.empty()) return own_.take(count);
  std::string out(in_scratch_.substr(0, count));
  consume(count);
  return out;
}

void ReadSide::vacate_scratch() noexcept {
  if (in_scratch_.empty()) return;
  try {
    own_.append(in_scratch_);
  } catch (...) {
    exception_ = std::current_exception();
  }
  in_scratch_ = {};
}

void ReadSide::received(std::span<const std::byte> data) {
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  if (own_.empty()) {
    in_scratch_ = text;
  } else {
    own_.append(text);
  }
}

void ReadSide::feed(std::string_view data) {
  ASYNCIO_CHECK(!end_, "feed_data after feed_eof");
  if (data.empty()) return;
  vacate_scratch();
  own_.append(data);
  tell_waiter();
}

void ReadSide::feed_end() noexcept {
  end_ = true;
  tell_waiter();
}

void ReadSide::set_exception(std::exception_ptr error) noexcept {
  exception_ = std::move(error);
  tell_waiter();
}

ReadSide::Fill ReadSide::fill() {
  if (exception_) return Fill::failed;
  return end_ ? Fill::end : Fill::blocked;
}

bool ReadSide::set_waiter(ReadinessListener& waiter) {
  if (waiter_ != nullptr && waiter_ != &waiter) return false;
  waiter_ = &waiter;
  return true;
}

void ReadSide::remove_waiter(const ReadinessListener& waiter) noexcept {
  if (waiter_ == &waiter) waiter_ = nullptr;
}

// --- one read -----------------------------------------------------------------------------------

ReadAwaiter::~ReadAwaiter() {
  if (side_ == nullptr) return;
  stop_waiting();
  side_->drop_reference();
}

bool ReadAwaiter::await_ready() {
  if (failure_) return true;
  if (side_->exception()) return fail(side_->exception());
  return advance();
}

bool ReadAwaiter::advance() {
  others_first_ = false;
  try {
    while (!find()) {
      switch (side_->fill()) {
        case ReadSide::Fill::more:
        case ReadSide::Fill::end:
          break;
        case ReadSide::Fill::blocked:
          return false;
        case ReadSide::Fill::turn:
          others_first_ = true;
          return false;
        case ReadSide::Fill::failed:
          return fail(side_->exception());
      }
    }
  } catch (...) {
    return fail(std::current_exception());  // out of memory
  }
  return true;
}

bool ReadAwaiter::await_suspend(Continuation continuation) {
  if (!side_->set_waiter(*this)) {
    fail(std::make_exception_ptr(
        RuntimeError(std::string(function()) +
                     "() called while another coroutine is already waiting for incoming data")));
    return false;
  }
  waiting_ = true;
  // Registering may have failed, and then there is something to tell at once.
  if (others_first_ || side_->exception()) return park_woken(continuation);
  return park(continuation);
}

bool ReadAwaiter::retry() {
  if (!advance()) {
    if (others_first_) side_->tell_in_next_turn();
    return false;
  }
  stop_waiting();
  return true;
}

bool ReadAwaiter::abort() {
  stop_waiting();
  return true;
}

void ReadAwaiter::stop_waiting() noexcept {
  if (std::exchange(waiting_, false)) side_->remove_waiter(*this);
}

std::exception_ptr ReadAwaiter::error() {
  stop_waiting();
  if (cancelled()) [[unlikely]]
    return cancellation();
  return std::exchange(failure_, nullptr);
}

}  // namespace asyncio::detail
