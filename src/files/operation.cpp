#include "asyncio/files/operation.hpp"

#include "asyncio/base/error.hpp"
#include "files/file_state.hpp"

namespace asyncio::detail {

FileOperation::FileOperation(FileState* state) noexcept : state_(state) {
  if (state_ != nullptr) state_->add_reference();
}

FileOperation::~FileOperation() {
  if (state_ == nullptr) return;
  leave();
  state_->drop_reference();
}

bool FileOperation::await_ready() {
  if (state_ == nullptr) {
    if (takes_closed()) return true;
    return fail(std::make_exception_ptr(ValueError("I/O operation on closed file.")));
  }
  return state_->first() == nullptr && !state_->busy() && step();
}

bool FileOperation::await_suspend(Continuation continuation) {
  state_->join(*this);
  park(continuation);
  if (state_->take_wish()) tell();
  return true;
}

// As far as it gets now. True: it is over.
bool FileOperation::step() noexcept {
  if (state_->busy()) return false;
  try {
    state_->was_over_at_once();
    if (!begun_) {
      state_->take_error();  // of one that was cancelled: not ours
      if (state_->closed() && !takes_closed()) {
        return fail(std::make_exception_ptr(ValueError("I/O operation on closed file.")));
      }
      begun_ = true;
      state_->forget_end();
    }
    return advance_all();
  } catch (...) {
    return fail(std::current_exception());
  }
}

// Past the calls that are over at once.
bool FileOperation::advance_all() {
  do {
    const int failed_with = state_->take_error();
    if (failed_with != 0 && on_failure(*state_, failed_with)) return true;
    if (advance(*state_)) return true;
  } while (state_->was_over_at_once());
  return false;
}

bool FileOperation::on_failure(FileState& state, int error_number) {
  return fail(state.describe(error_number));
}

bool FileOperation::retry() {
  state_->begin_turn();
  const bool over = step();
  state_->end_turn();
  if (over) {
    leave();
  } else if (state_->take_wish()) {
    state_->come_again();
  }
  return over;
}

bool FileOperation::abort() {
  leave();
  return true;
}

void FileOperation::lost() { leave(); }

void FileOperation::leave() noexcept {
  if (!linked()) return;
  unlink();
  state_->next_turn();
}

std::exception_ptr FileOperation::error() {
  if (cancelled()) [[unlikely]]
    return cancellation();
  return failure_;
}

}  // namespace asyncio::detail
