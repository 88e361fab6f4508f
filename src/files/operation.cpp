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
  return park(continuation);
}

// As far as it gets now. True: it is over.
bool FileOperation::step() noexcept {
  if (state_->busy()) return false;
  try {
    const int failed_with = state_->take_error();  // of one that was cancelled: not ours
    if (begun_) {
      if (failed_with != 0 && on_failure(*state_, failed_with)) return true;
    } else {
      if (state_->closed() && !takes_closed()) {
        return fail(std::make_exception_ptr(ValueError("I/O operation on closed file.")));
      }
      begun_ = true;
      state_->forget_end();
    }
    return advance(*state_);
  } catch (...) {
    return fail(std::current_exception());
  }
}

bool FileOperation::on_failure(FileState& state, int error_number) {
  return fail(state.describe(error_number));
}

bool FileOperation::retry() {
  if (!step()) return false;
  leave();
  return true;
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
