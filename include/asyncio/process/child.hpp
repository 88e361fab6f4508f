// One child process of a loop: how it is started, and how its end becomes known. For the library:
// programs use Process (subprocess.hpp) and SubprocessTransport.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/list.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/base/ref.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/loop/spawn_request.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

class Child;
class ChildWait;
class SpawnJob;

/// Must hear of the end of a child in the very turn in which it becomes known.
class ChildObserver {
 public:
  virtual void on_exit(Child& child) noexcept = 0;
  /// The loop closes, and the child is killed: nobody is told any more.
  virtual void on_abandoned() noexcept = 0;

 protected:
  ~ChildObserver() = default;
};

/// A child that runs, or has. It lives until it has ended, whoever holds it, so that its exit is
/// always taken: no zombie stays. When the loop closes first, the backend kills it.
class Child final : public LoopResource,
                    public base::Pooled,
                    private ReadinessListener,
                    private ReadyNode {
 public:
  Child(Scheduler& scheduler, int pid, int pidfd) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

  /// From now on its end is noticed. 0, or -errno: then it was killed.
  int watch() noexcept;
  [[nodiscard]] Scheduler& scheduler() const noexcept { return *scheduler_; }
  [[nodiscard]] int pid() const noexcept { return pid_; }
  /// Empty while it runs; negative: the signal that ended it.
  [[nodiscard]] const std::optional<int>& returncode() const noexcept { return returncode_; }
  /// The loop has closed while it ran, and killed it: how it ended nobody knows.
  [[nodiscard]] bool is_abandoned() const noexcept { return descriptor_.fd < 0 && !returncode_; }
  /// Nobody when it has ended. Throws OSError for what is no signal's number.
  void send_signal(int number);
  void kill() noexcept;
  void set_observer(ChildObserver* observer) noexcept { observer_ = observer; }
  void add_waiter(ChildWait& waiter) noexcept;

  void on_loop_close() noexcept override;

 private:
  ~Child() = default;

  void on_ready() noexcept override;
  static void run_look(ReadyNode* node);
  void look() noexcept;
  void ended(int returncode) noexcept;
  /// The descriptor is somebody else's to close.
  void forget_descriptor() noexcept;

  Scheduler* scheduler_;
  Descriptor descriptor_;
  ChildObserver* observer_ = nullptr;
  base::List<ChildWait> waiters_;
  std::optional<int> returncode_;
  int pid_;
  std::uint32_t references_ = 0;
  bool queued_ = false;
};

/// Waits for the end: Process::wait. Many may. RuntimeError when the loop was closed before.
class ChildWait final : public Suspend, public AsCoro<ChildWait, int>, public base::ListNode {
 public:
  explicit ChildWait(base::Ref<Child> child) noexcept : child_(std::move(child)) {}
  ChildWait(ChildWait&& other) noexcept
      : Suspend(std::move(other)), child_(std::move(other.child_)) {}

  [[nodiscard]] bool await_ready() const noexcept {
    return child_->returncode().has_value() || child_->is_abandoned();
  }
  bool await_suspend(Continuation continuation);
  int await_resume();
  [[nodiscard]] std::exception_ptr error() const;

 private:
  friend class Child;
  bool abort() override {
    unlink();
    return true;
  }

  base::Ref<Child> child_;
};

/// Starts a child on a worker thread. When it is cancelled, the child, if there is one by then, is
/// killed and its end awaited before the CancelledError comes.
class Spawn final : public Suspend, private ChildObserver {
 public:
  /// `child_ends` are closed once the child has its own.
  Spawn(Scheduler& scheduler, SpawnRequest request, std::vector<int> child_ends);
  Spawn(Spawn&& other) noexcept;
  ~Spawn();

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation continuation);
  base::Ref<Child> await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class SpawnJob;
  bool abort() override;
  bool retry() override;
  void lost() override;
  void came_home(int result, int pidfd, SpawnStep step) noexcept;
  void on_exit(Child& child) noexcept override;
  void on_abandoned() noexcept override {}

  Scheduler* scheduler_;
  std::unique_ptr<SpawnJob> job_;  // until it is under way: then it owns itself
  SpawnJob* under_way_ = nullptr;
  base::Ref<Child> child_;
  std::exception_ptr failure_;
  bool unwanted_ = false;
};

/// Our ends of a child's standard streams, 0 to 2; -1 where there is no pipe. Closes what nobody
/// takes.
class PipeEnds {
 public:
  explicit PipeEnds(Scheduler& scheduler) noexcept : scheduler_(&scheduler) {}
  PipeEnds(PipeEnds&& other) noexcept
      : scheduler_(other.scheduler_), ends_(std::exchange(other.ends_, {-1, -1, -1})) {}
  PipeEnds& operator=(PipeEnds&&) = delete;
  ~PipeEnds();

  void set(std::size_t stream, int fd) noexcept { ends_[stream] = fd; }
  [[nodiscard]] bool has(std::size_t stream) const noexcept { return ends_[stream] >= 0; }
  [[nodiscard]] int take(std::size_t stream) noexcept { return std::exchange(ends_[stream], -1); }

 private:
  Scheduler* scheduler_;
  std::array<int, 3> ends_{-1, -1, -1};
};

/// What to start, and what its standard streams are (subprocess::PIPE and so on, or a descriptor).
struct Launch {
  SpawnRequest request;
  std::array<int, 3> streams{};
  std::exception_ptr problem;  ///< with the arguments: to be raised when it is awaited
};

struct StartedChild {
  base::Ref<Child> child;
  PipeEnds ends;
};

/// Makes the pipes and starts the child. Errors name the program.
Coro<StartedChild> start_child(Launch launch);

}  // namespace asyncio::detail
