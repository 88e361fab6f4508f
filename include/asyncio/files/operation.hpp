// One await of a file: waits for its turn, then for the calls that it needs. Not a coroutine, so
// that a line which is in the buffer already costs no frame and no turn.
#pragma once

#include <exception>
#include <utility>

#include "asyncio/base/list.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

class FileState;

/// Operations of one file run one after another, in the order in which they were awaited. What an
/// operation has begun (a read of a block, a write of the buffer) goes on when it is cancelled, and
/// its effect on the file's buffers is the same: the next operation waits for that and then finds
/// everything as it must be.
///
/// A call of the kernel is made in a turn of the task's own. What the kernel has at hand is taken
/// in it, up to a bound, so that a task which only reads what is cached lets the others run.
class FileOperation : public Suspend, private base::ListNode {
 public:
  FileOperation(FileOperation&& other) noexcept
      : Suspend(std::move(other)), state_(std::exchange(other.state_, nullptr)) {}

  bool await_ready();
  bool await_suspend(Continuation continuation);
  [[nodiscard]] std::exception_ptr error();

 protected:
  /// `state` null: of a file that was never opened.
  explicit FileOperation(FileState* state) noexcept;
  ~FileOperation();

  /// Goes on as far as it gets: true when it is done or has failed; false when it has begun
  /// something on the file that will wake it. May throw.
  virtual bool advance(FileState& state) = 0;
  /// What it has begun has failed: true when that is its own end.
  virtual bool on_failure(FileState& state, int error_number);
  /// Whether it makes sense of a file that is closed.
  [[nodiscard]] virtual bool takes_closed() const noexcept { return false; }

  bool fail(std::exception_ptr failure) noexcept {
    failure_ = std::move(failure);
    return true;
  }
  [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }
  void check() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
  }
  [[nodiscard]] FileState& state() const noexcept { return *state_; }

 private:
  friend class FileState;
  friend class base::List<FileOperation>;
  bool abort() override;
  bool retry() override;
  void lost() override;
  bool step() noexcept;
  bool advance_all();
  void leave() noexcept;
  void tell() noexcept { wake(); }

  FileState* state_;  // one reference
  std::exception_ptr failure_;
  bool begun_ = false;
};

}  // namespace asyncio::detail
