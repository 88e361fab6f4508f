#include "asyncio/process/child.hpp"

#include <csignal>

#include <atomic>
#include <cerrno>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/process/subprocess.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio::detail {
namespace {

// CPython's, for an exit that somebody else took.
constexpr int kUnknownReturncode = 255;

}  // namespace

// --- a child that runs --------------------------------------------------------------------------

Child::Child(Scheduler& scheduler, int pid, int pidfd) noexcept
    : scheduler_(&scheduler), pid_(pid) {
  ReadyNode::run = &run_look;
  descriptor_.fd = pidfd;
  descriptor_.reader = this;
  scheduler.attach(*this);
}

int Child::watch() noexcept {
  const int watched = scheduler_->backend().watch(descriptor_);
  if (watched < 0) {
    kill();  // the backend reaps it when the loop closes
    forget_descriptor();
    return watched;
  }
  add_reference();  // its own, until it has ended
  return 0;
}

void Child::send_signal(int number) {
  if (descriptor_.fd < 0) return;
  const int result = scheduler_->backend().signal_child(descriptor_.fd, number);
  if (result < 0 && result != -ESRCH) {
    throw_os_error(-result, "send signal " + std::to_string(number) + " to",
                   "process " + std::to_string(pid_));
  }
}

void Child::kill() noexcept {
  if (descriptor_.fd >= 0) scheduler_->backend().signal_child(descriptor_.fd, SIGKILL);
}

void Child::add_waiter(ChildWait& waiter) noexcept { waiters_.push_back(&waiter); }

void Child::on_ready() noexcept {
  if (std::exchange(queued_, true)) return;
  add_reference();
  scheduler_->push(this);
}

void Child::run_look(ReadyNode* node) {
  const auto self = base::Ref<Child>::adopt(static_cast<Child*>(node));
  self->queued_ = false;
  if (!self->scheduler_->is_closed()) self->look();
}

void Child::look() noexcept {
  if (descriptor_.fd < 0) return;
  ChildExit exit;
  const int result = scheduler_->backend().reap_child(descriptor_.fd, exit);
  if (result == -EAGAIN) return;
  if (result == 0) return ended(exit.signal != 0 ? -exit.signal : exit.code);
  log(LogLevel::warning, "child process pid " + std::to_string(pid_) +
                             " exit status already read: will report returncode 255");
  ended(kUnknownReturncode);
}

void Child::ended(int returncode) noexcept {
  returncode_ = returncode;
  const int fd = descriptor_.fd;
  forget_descriptor();
  scheduler_->backend().close(fd);
  while (ChildWait* waiter = waiters_.pop_front()) waiter->wake();
  if (ChildObserver* observer = std::exchange(observer_, nullptr)) observer->on_exit(*this);
  drop_reference();
}

void Child::forget_descriptor() noexcept {
  scheduler_->backend().unwatch(descriptor_);
  descriptor_.fd = -1;
}

void Child::on_loop_close() noexcept {
  if (descriptor_.fd < 0) return;
  forget_descriptor();
  if (ChildObserver* observer = std::exchange(observer_, nullptr)) observer->on_abandoned();
  drop_reference();
}

bool ChildWait::await_suspend(Continuation continuation) {
  child_->add_waiter(*this);
  return park(continuation);
}

std::exception_ptr ChildWait::error() const {
  if (cancelled()) return cancellation();
  if (!child_->is_abandoned()) return nullptr;
  return std::make_exception_ptr(RuntimeError("process " + std::to_string(child_->pid()) +
                                              " was killed when its loop was closed"));
}

int ChildWait::await_resume() {
  if (std::exception_ptr failure = error()) [[unlikely]]
    std::rethrow_exception(failure);
  return *child_->returncode();
}

// --- starting one -------------------------------------------------------------------------------

/// Owns itself while it is under way: it may come home when the loop has gone, with all that waited
/// for it, and then the backend has ended the child.
class SpawnJob final : public BlockingJob {
 public:
  SpawnJob(std::shared_ptr<Backend> backend, SpawnRequest what, std::vector<int> child_ends)
      : request(std::move(what)), backend_(std::move(backend)), child_ends_(std::move(child_ends)) {
    request.failed_step = &step_;
  }
  SpawnJob(const SpawnJob&) = delete;
  SpawnJob& operator=(const SpawnJob&) = delete;
  ~SpawnJob() override {
    for (const int fd : child_ends_) backend_->close(fd);
  }

  void run() noexcept override {
    if (unwanted.load(std::memory_order_relaxed)) return;
    try {
      result_ = backend_->spawn(request, pidfd_);
    } catch (const std::bad_alloc&) {
      result_ = -ENOMEM;
    }
  }
  void done() noexcept override {
    const std::unique_ptr<SpawnJob> self(this);
    if (waiter != nullptr) waiter->came_home(result_, pidfd_, step_);
  }

  SpawnRequest request;
  Spawn* waiter = nullptr;  // loop thread
  std::atomic<bool> unwanted{false};

 private:
  std::shared_ptr<Backend> backend_;
  std::vector<int> child_ends_;
  int result_ = -ECANCELED;  // never begun
  int pidfd_ = -1;
  SpawnStep step_ = SpawnStep::fork;
};

namespace {

std::exception_ptr describe_failure(int error, SpawnStep step, const SpawnRequest& request) {
  switch (step) {
    case SpawnStep::fork:
      return make_os_error(error, "fork for", request.program);
    case SpawnStep::descriptors:
      return make_os_error(error, "set up the descriptors of", request.program);
    case SpawnStep::directory:
      return make_os_error(error, "chdir", request.directory);
    case SpawnStep::exec:
      break;
  }
  return make_os_error(error, "exec", request.program);
}

}  // namespace

Spawn::Spawn(Scheduler& scheduler, SpawnRequest request, std::vector<int> child_ends)
    : scheduler_(&scheduler),
      job_(std::make_unique<SpawnJob>(scheduler.share_backend(), std::move(request),
                                      std::move(child_ends))) {}

Spawn::Spawn(Spawn&& other) noexcept
    : Suspend(std::move(other)), scheduler_(other.scheduler_), job_(std::move(other.job_)) {}

Spawn::~Spawn() {
  if (under_way_ != nullptr) {
    under_way_->waiter = nullptr;
    under_way_->unwanted.store(true, std::memory_order_relaxed);
  }
  if (child_) child_->set_observer(nullptr);
}

bool Spawn::await_suspend(Continuation continuation) {
  try {
    scheduler_->backend().submit(*job_);
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
  under_way_ = job_.release();
  under_way_->waiter = this;
  return park(continuation);
}

void Spawn::came_home(int result, int pidfd, SpawnStep step) noexcept {
  const SpawnJob& job = *std::exchange(under_way_, nullptr);
  if (result < 0) {
    try {
      failure_ = describe_failure(-result, step, job.request);
    } catch (...) {
      failure_ = std::current_exception();
    }
  } else {
    child_ = base::Ref<Child>(new Child(*scheduler_, result, pidfd));
    if (const int watched = child_->watch(); watched < 0) {
      failure_ = make_os_error(-watched, "epoll_ctl");
    }
  }
  wake();
}

// The thread cannot be stopped, and a child must not be left behind: the end of both comes first.
bool Spawn::abort() {
  if (stranded()) return true;  // the loop closes, and its backend ends the child
  unwanted_ = true;
  if (under_way_ != nullptr) under_way_->unwanted.store(true, std::memory_order_relaxed);
  return false;
}

void Spawn::lost() {
  unwanted_ = true;
  set_cancelled(false);
}

bool Spawn::retry() {
  if (!unwanted_) return true;
  if (child_ && !failure_ && !child_->returncode()) {
    child_->kill();
    child_->set_observer(this);
    return false;
  }
  set_cancelled(true);
  return true;
}

void Spawn::on_exit(Child&) noexcept { wake(); }

std::exception_ptr Spawn::error() {
  if (cancelled()) [[unlikely]]
    return cancellation();
  return failure_;
}

base::Ref<Child> Spawn::await_resume() {
  if (std::exception_ptr failure = error()) [[unlikely]]
    std::rethrow_exception(failure);
  return std::move(child_);
}

// --- its standard streams -----------------------------------------------------------------------

PipeEnds::~PipeEnds() {
  for (const int fd : ends_) {
    if (fd >= 0) scheduler_->backend().close(fd);
  }
}

namespace {

// Opens the pipes that are wanted and tells the request what the child's descriptors are. 0 or
// -errno.
int connect_streams(Scheduler& scheduler, Launch& launch, PipeEnds& ours,
                    std::vector<int>& child_ends) {
  Backend& backend = scheduler.backend();
  for (int stream = 0; stream < 3; ++stream) {
    int source = launch.streams[static_cast<std::size_t>(stream)];
    if (source == subprocess::INHERIT || source == subprocess::UNSPECIFIED) continue;
    if (source == subprocess::DEVNULL) {
      source = SpawnRequest::kNullDevice;
    } else if (source == subprocess::STDOUT) {
      const auto& before = launch.request.descriptors;
      source = !before.empty() && before.back().second == 1 ? before.back().first : 1;
    } else if (source == subprocess::PIPE) {
      std::array<int, 2> ends{};
      if (const int opened = backend.open_pipe(ends); opened < 0) return opened;
      const std::size_t childs = stream == 0 ? 0 : 1;
      ours.set(static_cast<std::size_t>(stream), ends[1 - childs]);
      source = ends[childs];
      child_ends.push_back(source);
      // Each end has a mode of its own, and the child expects one that blocks.
      if (const int set = backend.set_blocking(source, true); set < 0) return set;
    }
    launch.request.descriptors.emplace_back(source, stream);
  }
  return 0;
}

}  // namespace

Coro<StartedChild> start_child(Launch launch) {
  Scheduler& scheduler = running_scheduler();
  if (launch.problem) co_await raise(launch.problem);
  PipeEnds ours(scheduler);
  std::vector<int> child_ends;
  if (const int error = connect_streams(scheduler, launch, ours, child_ends); error < 0) {
    for (const int fd : child_ends) scheduler.backend().close(fd);
    co_await raise(make_os_error(-error, "open a pipe to", launch.request.program));
  }
  Spawn spawn(scheduler, std::move(launch.request), std::move(child_ends));
  base::Ref<Child> child = co_await pass(std::move(spawn));
  StartedChild started{std::move(child), std::move(ours)};
  co_return started;
}

}  // namespace asyncio::detail
