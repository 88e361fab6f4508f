#include "concurrent/pool_manager.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "concurrent/remote_error.hpp"

namespace asyncio::detail {
namespace {

std::exception_ptr broken_error(const std::string& cause, int exit_code) {
  return std::make_exception_ptr(concurrent::BrokenProcessPool(
      "A process in the process pool was terminated abruptly while the future was running or "
      "pending.",
      cause, exit_code));
}

}  // namespace

void fail_job(ProcessJob& job, const std::exception_ptr& error) noexcept {
  ThreadFuture& future = job.future();
  // One that runs cannot be cancelled any more; of one that waits this tells whether it was.
  const bool running = future.state() == ThreadFuture::State::running;
  if (running || future.set_running_or_notify_cancel()) future.set_exception(error);
  future.drop_reference();
}

void cancel_job(ProcessJob& job) noexcept {
  ThreadFuture& future = job.future();
  future.cancel_unrun();
  future.drop_reference();
}

PoolManager::PoolManager(const concurrent::ProcessPoolOptions& options, int max_workers,
                         PoolInbox& inbox, std::unique_ptr<Nursery> nursery)
    : max_workers_(static_cast<std::size_t>(max_workers)),
      max_calls_(options.max_tasks_per_child.value_or(0)),
      replace_dead_(options.replace_dead_workers),
      inbox_(inbox),
      nursery_(std::move(nursery)) {}

void PoolManager::run() noexcept {
  while (turn()) wait();
  nursery_.reset();  // waits for its end
}

// False when all is over.
bool PoolManager::turn() {
  obey(inbox_.take_orders());
  dispatch();
  const bool over = broken_ || (inbox_.is_finished() && !any_busy());
  if (over) {
    for (auto& [id, worker] : workers_) retire(worker);
  }
  return !over || !workers_.empty();
}

void PoolManager::obey(const PoolInbox::Orders& orders) {
  if (orders.end_signal != 0) {
    break_up("The workers were ended by the program", 0, orders.end_signal);
  }
  for (const std::uint64_t group : orders.groups_to_kill) {
    for (ProcessJob* job : inbox_.take_group(group)) cancel_job(*job);
    for (auto& [id, worker] : workers_) {
      if (worker.job == nullptr || worker.job->group != group) continue;
      worker.dead = true;  // as good as: what it may answer still counts, but it gets nothing more
      nursery_->signal_worker(id, SIGKILL);
    }
  }
}

bool PoolManager::any_busy() const noexcept {
  for (const auto& [id, worker] : workers_) {
    if (worker.job != nullptr) return true;
  }
  return false;
}

// --- giving work --------------------------------------------------------------------------------

void PoolManager::dispatch() {
  while (!broken_ && inbox_.has_jobs()) {
    Worker* worker = free_worker();
    if (worker == nullptr && workers_.size() >= max_workers_) return;
    ProcessJob* job = inbox_.next_job();
    if (job == nullptr) return;
    if (!job->future().set_running_or_notify_cancel()) {
      job->future().drop_reference();
      continue;
    }
    if (worker == nullptr) {
      try {
        worker = &start_worker();
      } catch (const std::system_error&) {
        fail_job(*job, std::current_exception());  // too many descriptors: this call's bad luck
        continue;
      }
    }
    give(*worker, *job);
  }
}

PoolManager::Worker* PoolManager::free_worker() {
  for (auto& [id, worker] : workers_) {
    if (worker.job == nullptr && worker.channel && !worker.dead) return &worker;
  }
  return nullptr;
}

PoolManager::Worker& PoolManager::start_worker() {
  const std::uint32_t id = next_worker_++;
  OwnedFd channel = nursery_->start_worker(id);
  Worker& worker = workers_[id];
  worker.id = id;
  worker.channel = std::move(channel);
  return worker;
}

void PoolManager::give(Worker& worker, ProcessJob& job) {
  worker.job = &job;
  FrameHead head;
  head.entry = reinterpret_cast<std::uint64_t>(job.entry);
  head.function = reinterpret_cast<std::uint64_t>(job.function);
  worker.writer.start(head, job.request, job.request_blocks);
  worker.writing = true;
  send_call(worker);
}

void PoolManager::send_call(Worker& worker) {
  ProcessJob& job = *worker.job;
  const Progress progress =
      worker.writer.write(worker.channel.get(), job.request, job.request_blocks);
  if (progress == Progress::more) return;
  worker.writing = false;
  if (progress == Progress::done) {  // they may be large
    job.request = std::string();
    job.request_blocks = BlocksToSend();
    job.kept.clear();
  }
  // Else it has died; hear_worker() or the nursery will tell.
}

// --- waiting and hearing ------------------------------------------------------------------------

void PoolManager::wait() {
  watched_.assign({{inbox_.descriptor(), POLLIN, 0}, {nursery_->descriptor(), POLLIN, 0}});
  watched_workers_.clear();
  for (const auto& [id, worker] : workers_) {
    if (!worker.channel) continue;
    const auto events = static_cast<short>(worker.writing ? POLLIN | POLLOUT : POLLIN);
    watched_.push_back({worker.channel.get(), events, 0});
    watched_workers_.push_back(id);
  }
  if (::poll(watched_.data(), watched_.size(), -1) < 0) return;  // EINTR
  for (std::size_t i = 0; i < watched_workers_.size(); ++i) {
    if (watched_[i + 2].revents == 0) continue;
    const auto worker = workers_.find(watched_workers_[i]);
    if (worker != workers_.end()) hear_worker(worker->second);
  }
  // After the workers: what one has answered before its end counts.
  if (watched_[1].revents != 0) hear_nursery();
}

void PoolManager::hear_worker(Worker& worker) {
  if (worker.writing) send_call(worker);
  const Progress progress = read_answer(worker);
  if (progress == Progress::more) return;
  if (progress == Progress::done) return take_answer(worker);
  // It has died, or says what cannot be understood. The nursery tells how it ended.
  worker.channel.reset();
  worker.writing = false;
  nursery_->signal_worker(worker.id, SIGKILL);
}

// What travels beside the answer is read into the result itself, so that is made first.
Progress PoolManager::read_answer(Worker& worker) {
  const int channel = worker.channel.get();
  if (!worker.answering) {
    const Progress progress = worker.reader.read(channel);
    if (progress != Progress::done) return progress;
    const FrameHead& head = worker.reader.head();
    const bool is_answer = head.kind != FrameKind::initializer_failed;
    if (worker.writing && is_answer) return Progress::broken;  // to half a call
    if (head.beside == 0) return progress;
    if (worker.job == nullptr) return Progress::broken;
    worker.answering = true;
    worker.failure = unpack(*worker.job, worker.reader.body(), worker.blocks);
  }
  const Progress progress = worker.failure ? worker.reader.skip_blocks(channel)
                                           : worker.reader.read_blocks(channel, worker.blocks);
  if (progress == Progress::done) worker.answering = false;
  return progress;
}

std::exception_ptr PoolManager::unpack(ProcessJob& job, std::string_view answer,
                                       BlocksToRead& blocks) noexcept {
  try {
    job.unpack(answer, blocks);
    return nullptr;
  } catch (...) {
    blocks.clear();
    return std::current_exception();
  }
}

void PoolManager::take_answer(Worker& worker) {
  const FrameHead& head = worker.reader.head();
  if (head.kind == FrameKind::initializer_failed) {
    log(LogLevel::error, "Exception in initializer:\n" + std::string(worker.reader.body()));
    // Another one would fare no better.
    return break_up("Process " + std::to_string(worker.pid) + " failed in its initializer", 1,
                    SIGKILL);
  }
  ProcessJob* job = std::exchange(worker.job, nullptr);
  if (job == nullptr) return;
  std::exception_ptr failure = std::exchange(worker.failure, nullptr);
  if (++worker.calls == max_calls_) retire(worker);
  dispatch();  // before others hear of the result: the worker has waited long enough
  if (head.kind == FrameKind::error) {
    failure = unpack_error(worker.reader.body());
  } else if (head.beside == 0) {
    failure = unpack(*job, worker.reader.body(), worker.blocks);
  }
  settle(*job, failure);
}

void PoolManager::settle(ProcessJob& job, const std::exception_ptr& failure) noexcept {
  if (failure) return fail_job(job, failure);
  try {
    job.settle();
  } catch (...) {
    return fail_job(job, std::current_exception());
  }
  job.future().drop_reference();
}

void PoolManager::hear_nursery() {
  for (;;) {
    NurseryReport report;
    switch (nursery_->read(report)) {
      case Nursery::News::none:
        return;
      case Nursery::News::report:
        hear(report);
        break;
      case Nursery::News::gone:
        // All workers die with it.
        if (!broken_) break_up("The process that makes the workers is gone", 0, SIGKILL);
        workers_.clear();
        return;
    }
  }
}

void PoolManager::hear(const NurseryReport& report) {
  const auto found = workers_.find(report.worker);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  switch (report.kind) {
    case NurseryReport::Kind::started:
      worker.pid = report.pid;
      return;
    case NurseryReport::Kind::failed:
      return bury(worker, base::describe(make_os_error(report.value, "fork", "a worker process")),
                  0);
    case NurseryReport::Kind::ended:
      // What it has sent before its end is still to be read.
      worker.dead = true;
      if (worker.channel && worker.job != nullptr) hear_worker(worker);
      return bury(worker,
                  "Process " + std::to_string(report.pid) + " terminated abruptly with exit code " +
                      std::to_string(report.value),
                  report.value);
  }
}

// --- ends ---------------------------------------------------------------------------------------

// It sees the end of its channel, and leaves.
void PoolManager::retire(Worker& worker) noexcept {
  worker.retired = true;
  worker.channel.reset();
}

void PoolManager::bury(Worker& worker, const std::string& cause, int exit_code) {
  ProcessJob* job = std::exchange(worker.job, nullptr);
  const bool expected = worker.retired && job == nullptr;
  workers_.erase(worker.id);
  if (broken_ || expected) return;
  if (replace_dead_) {
    if (job != nullptr) fail_job(*job, broken_error(cause, exit_code));
    return;
  }
  break_up(cause, exit_code, SIGKILL);
  if (job != nullptr) fail_job(*job, broken_error(cause, exit_code));
}

void PoolManager::break_up(const std::string& cause, int exit_code, int signal_number) {
  broken_ = true;
  const std::deque<ProcessJob*> waiting = inbox_.break_up(
      "A child process terminated abruptly, the process pool is not usable anymore");
  const std::exception_ptr error = broken_error(cause, exit_code);
  for (auto& [id, worker] : workers_) {
    nursery_->signal_worker(id, signal_number);
    retire(worker);
    worker.writing = false;
    if (ProcessJob* job = std::exchange(worker.job, nullptr)) fail_job(*job, error);
  }
  for (ProcessJob* job : waiting) fail_job(*job, error);
}

}  // namespace asyncio::detail
