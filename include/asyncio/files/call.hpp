// A call on a file that somebody waits for, and that outlives the wait: a thread that has begun, or
// the kernel, cannot be stopped.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/loop/file_call.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

/// Lives by itself from begin() until it has come home, or has ended after everybody let go of it.
class LooseCall : public FileCall {
 public:
  /// Throws RuntimeError when no thread can be had; then it has not begun.
  void begin(Scheduler& scheduler);
  /// Nobody waits any more.
  void let_go() noexcept;
  void done() noexcept final;

 protected:
  /// It is done and still wanted, on the loop's thread.
  virtual void arrived() noexcept = 0;
  /// It is done and nobody wants it: lets go of what it gave, and of itself. Any thread.
  virtual void end_alone() noexcept = 0;

 private:
  // Of the two, the one that comes second ends it: who let go, and done() on a worker that the loop
  // has abandoned.
  std::atomic<bool> alone_{false};
  const void* home_ = nullptr;
};

class FileCallAwaiter;

/// A call with one awaiter. What it has got and nobody has taken goes with it, on any thread.
class AwaitedFileCall : public LooseCall {
 public:
  /// What it is called in messages, and what it is done to.
  AwaitedFileCall(const char* operation, std::string subject)
      : operation_(operation), subject_(std::move(subject)) {}
  [[nodiscard]] virtual std::exception_ptr error() const;

 protected:
  /// On the loop's thread, before it begins: what it needs of the loop.
  virtual void prepare(Scheduler& /*scheduler*/) {}
  /// Whether it is worth while to run() it at once first.
  [[nodiscard]] virtual bool tries_at_once() const noexcept { return false; }

 private:
  friend class FileCallAwaiter;
  void arrived() noexcept final;
  void end_alone() noexcept final;

  const char* operation_;
  std::string subject_;
  FileCallAwaiter* awaiter_ = nullptr;
};

/// Cancelled, it leaves at once and the call ends for nobody. What the kernel has at hand is taken
/// in the task's next turn, so that nothing is under way then; all else begins there.
class FileCallAwaiter : public Suspend {
 public:
  explicit FileCallAwaiter(std::unique_ptr<AwaitedFileCall> call) noexcept
      : call_(std::move(call)) {}
  explicit FileCallAwaiter(std::exception_ptr refusal) noexcept : failure_(std::move(refusal)) {}
  FileCallAwaiter(FileCallAwaiter&& other) noexcept
      : Suspend(std::move(other)),
        call_(std::move(other.call_)),
        failure_(std::move(other.failure_)) {}

  [[nodiscard]] bool await_ready() const noexcept { return failure_ != nullptr; }
  bool await_suspend(Continuation continuation);
  [[nodiscard]] std::exception_ptr error() const;

 protected:
  ~FileCallAwaiter() { abandon(); }
  void check() const {
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  }
  [[nodiscard]] AwaitedFileCall& call() const noexcept { return *call_; }
  void set(std::unique_ptr<AwaitedFileCall> call) noexcept { call_ = std::move(call); }
  void refuse(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }

 private:
  friend class AwaitedFileCall;
  bool abort() override {
    abandon();
    return true;
  }
  bool retry() override;
  void abandon() noexcept;
  bool begin() noexcept;

  std::unique_ptr<AwaitedFileCall> call_;
  std::exception_ptr failure_;
  bool under_way_ = false;
  bool is_over_ = false;
};

/// A call that gives a T.
template <class T>
class FileCallOf : public AwaitedFileCall {
 public:
  using AwaitedFileCall::AwaitedFileCall;
  virtual T take() = 0;
};

template <class T>
class FileResult final : public FileCallAwaiter, public AsCoro<FileResult<T>, T> {
 public:
  explicit FileResult(std::unique_ptr<FileCallOf<T>> call) noexcept
      : FileCallAwaiter(std::move(call)) {}
  explicit FileResult(std::exception_ptr refusal) noexcept : FileCallAwaiter(std::move(refusal)) {}
  T await_resume() {
    check();
    return static_cast<FileCallOf<T>&>(call()).take();
  }
};

/// ValueError("embedded null byte"), or null.
[[nodiscard]] std::exception_ptr check_path(std::string_view path);

}  // namespace asyncio::detail
