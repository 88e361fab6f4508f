// The thread of a process pool: hands calls to workers, takes their answers, settles futures, makes
// workers and buries them. All it shares with others is PoolInbox.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/concurrent/process_pool.hpp"
#include "concurrent/frames.hpp"
#include "concurrent/nursery.hpp"
#include "concurrent/owned_fd.hpp"

namespace asyncio::detail {

/// What others tell the manager. Its lock is never held while code of the user's runs.
class PoolInbox {
 public:
  /// OSError.
  PoolInbox();

  // For others.
  /// Throws what ProcessPool::post does.
  void post(ProcessJob& job);
  /// Gives the calls that have not begun, when they are to be cancelled.
  std::deque<ProcessJob*> shut_down(bool cancel);
  void end_workers(int signal_number);
  void kill_group(std::uint64_t group);

  // For the manager.
  struct Orders {
    int end_signal = 0;
    std::vector<std::uint64_t> groups_to_kill;
  };
  /// What was ordered since the last time.
  Orders take_orders();
  /// The calls of a group that have not begun.
  std::deque<ProcessJob*> take_group(std::uint64_t group);
  /// The next call, or null.
  ProcessJob* next_job();
  [[nodiscard]] bool has_jobs() const;
  /// Shut down, and nothing is left to begin.
  [[nodiscard]] bool is_finished() const;
  /// No more is taken, because of `why`; gives what has not begun.
  std::deque<ProcessJob*> break_up(const std::string& why);
  /// Readable when there is something to take.
  [[nodiscard]] int descriptor() const noexcept { return wake_.get(); }

 private:
  void wake_locked() noexcept;

  mutable std::mutex mutex_;
  OwnedFd wake_;
  std::deque<ProcessJob*> jobs_;
  std::string broken_;  // why
  bool is_shut_down_ = false;
  int end_signal_ = 0;
  std::vector<std::uint64_t> groups_to_kill_;
  bool woken_ = false;
};

class PoolManager {
 public:
  PoolManager(const concurrent::ProcessPoolOptions& options, int max_workers, PoolInbox& inbox,
              std::unique_ptr<Nursery> nursery);
  /// Until the pool is shut down and all is done, or it is broken; then no process is left.
  void run() noexcept;

 private:
  struct Worker {
    std::uint32_t id = 0;
    OwnedFd channel;  // none: closed from either side
    pid_t pid = 0;    // 0 until the nursery has told
    ProcessJob* job = nullptr;
    FrameWriter writer;
    FrameReader reader;
    bool writing = false;
    // Of an answer that is still coming, with blocks.
    bool answering = false;
    BlocksToRead blocks;
    std::exception_ptr failure;  // instead of its result
    bool retired = false;        // is to get no more calls; its end is no news
    bool dead = false;
    int calls = 0;
  };

  bool turn();
  void obey(const PoolInbox::Orders& orders);
  void dispatch();
  Worker* free_worker();
  Worker& start_worker();
  void give(Worker& worker, ProcessJob& job);
  void send_call(Worker& worker);
  void wait();
  void hear_nursery();
  void hear(const NurseryReport& report);
  void hear_worker(Worker& worker);
  Progress read_answer(Worker& worker);
  static std::exception_ptr unpack(ProcessJob& job, std::string_view answer,
                                   BlocksToRead& blocks) noexcept;
  void take_answer(Worker& worker);
  static void settle(ProcessJob& job, const std::exception_ptr& failure) noexcept;
  void bury(Worker& worker, const std::string& cause, int exit_code);
  void retire(Worker& worker) noexcept;
  void break_up(const std::string& cause, int exit_code, int signal_number);
  [[nodiscard]] bool any_busy() const noexcept;

  std::size_t max_workers_;
  int max_calls_;  // of a worker, 0: any number
  bool replace_dead_;
  PoolInbox& inbox_;
  std::unique_ptr<Nursery> nursery_;
  std::map<std::uint32_t, Worker> workers_;
  std::uint32_t next_worker_ = 0;
  bool broken_ = false;
  std::vector<pollfd> watched_;
  std::vector<std::uint32_t> watched_workers_;
};

/// Settles the future of a call that will not be answered, and gives the pool's reference back.
void fail_job(ProcessJob& job, const std::exception_ptr& error) noexcept;
/// The same for one that has not begun and is not wanted any more.
void cancel_job(ProcessJob& job) noexcept;

}  // namespace asyncio::detail
