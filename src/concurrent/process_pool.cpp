#include "asyncio/concurrent/process_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"
#include "concurrent/pool_manager.hpp"
#include "loop/fork_count.hpp"
#include "loop/strays.hpp"

namespace asyncio::detail {
namespace {

int workers_of(const concurrent::ProcessPoolOptions& options) {
  if (options.max_tasks_per_child && *options.max_tasks_per_child <= 0) {
    throw ValueError("max_tasks_per_child must be >= 1");
  }
  if (!options.max_workers)
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (*options.max_workers <= 0) throw ValueError("max_workers must be greater than 0");
  return *options.max_workers;
}

}  // namespace

struct ProcessPool::State {
  PoolInbox inbox;
  std::unique_ptr<PoolManager> manager;
  std::mutex thread_mutex;  // of what follows
  std::thread thread;
  bool was_started = false;
  bool unjoined = false;
  bool ended = false;
  unsigned process = fork_count();

  void ensure_thread(const std::shared_ptr<State>& self);
  void run() noexcept;
  void join();
  void let_go();
};

void ProcessPool::State::ensure_thread(const std::shared_ptr<State>& self) {
  const std::lock_guard lock(thread_mutex);
  if (was_started || !manager) return;
  // Ctrl-C and the like are for the program's own threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    sigset_t* mask;
    ~Restore() { ::pthread_sigmask(SIG_SETMASK, mask, nullptr); }
  } const restore{&before};
  try {
    thread = std::thread([self] {
      ::pthread_setname_np(::pthread_self(), "ProcessPool");
      self->run();
    });
  } catch (const std::system_error& error) {
    throw RuntimeError(std::string("can't start new thread: ") + error.what());
  }
  was_started = true;
}

void ProcessPool::State::run() noexcept {
  manager->run();
  const std::lock_guard lock(thread_mutex);
  ended = true;
  if (unjoined) remove_stray();
}

void ProcessPool::State::join() {
  std::thread ending;
  {
    const std::lock_guard lock(thread_mutex);
    if (!was_started) manager.reset();  // and with it the nursery
    if (thread.get_id() == std::this_thread::get_id()) {
      throw RuntimeError("cannot join current thread");
    }
    ending = std::move(thread);
  }
  if (ending.joinable()) ending.join();
}

void ProcessPool::State::let_go() {
  const std::lock_guard lock(thread_mutex);
  if (!was_started) manager.reset();
  if (!thread.joinable()) return;
  if (!ended) {
    unjoined = true;
    add_strays(1);
  }
  thread.detach();
}

ProcessPool::ProcessPool(concurrent::ProcessPoolOptions options, std::function<void()> initializer)
    : max_workers_(workers_of(options)), state_(std::make_shared<State>()) {
  // The nursery never returns from its constructor, so that the initializer is there for ever.
  auto nursery = std::make_unique<Nursery>(initializer);
  state_->manager =
      std::make_unique<PoolManager>(options, max_workers_, state_->inbox, std::move(nursery));
}

ProcessPool::~ProcessPool() {
  if (state_->process != fork_count()) {
    // A forked child: thread and processes are the parent's.
    static auto* kept = new std::vector<std::shared_ptr<State>>;
    kept->push_back(std::move(state_));
    return;
  }
  state_->inbox.shut_down(false);
  if (state_->thread.get_id() == std::this_thread::get_id()) {
    state_->let_go();  // the last callback of a future has dropped the pool
  } else {
    state_->join();
  }
}

void ProcessPool::post(ProcessJob& job) {
  if (state_->process != fork_count()) {
    throw RuntimeError("the worker processes of this pool stayed with the parent process");
  }
  state_->ensure_thread(state_);
  state_->inbox.post(job);
}

void ProcessPool::shutdown(concurrent::ShutdownOptions options) {
  for (ProcessJob* job : state_->inbox.shut_down(options.cancel_futures)) cancel_job(*job);
  if (options.wait) return state_->join();
  state_->let_go();
}

void ProcessPool::end_workers(int signal_number) {
  state_->inbox.end_workers(signal_number);
  state_->join();
}

void ProcessPool::kill_group(std::uint64_t group) { state_->inbox.kill_group(group); }

}  // namespace asyncio::detail
