#include "tools/asyncio/item_pool.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "tools/asyncio/arm_progress.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/pipe.hpp"
#include "tools/asyncio/process_tree.hpp"

namespace asyncio::tool {
namespace {

std::string do_safely(const DoItem& worker, std::size_t item) {
  try {
    return worker(item);
  } catch (const std::exception& error) {
    return error.what();
  }
}

// What a worker process sends for each item, and once more (item_done = 0) before it ends. Smaller
// than PIPE_BUF, so that records of different workers never mix.
struct Record {
  std::uint64_t memory_bytes = 0;
  bool item_done = false;
  std::array<char, 160> error{};
};
static_assert(sizeof(Record) <= 512);

void send(int fd, const Record& record) {
  while (::write(fd, &record, sizeof record) < 0 && errno == EINTR) {
  }
}

// An index that forked processes share. Anonymous shared memory starts as zeros.
class SharedIndex {
 public:
  SharedIndex() {
    void* place = ::mmap(nullptr, sizeof(std::atomic<std::size_t>), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) throw system_error(errno, "share memory", "");
    index_ = new (place) std::atomic<std::size_t>(0);
  }
  ~SharedIndex() { ::munmap(index_, sizeof *index_); }
  SharedIndex(const SharedIndex&) = delete;
  SharedIndex& operator=(const SharedIndex&) = delete;
  std::size_t take() { return index_->fetch_add(1); }

 private:
  std::atomic<std::size_t>* index_;
};

[[noreturn]] void work_and_exit(const ArmJob& job, const MakeWorker& make_worker, SharedIndex& next,
                                int fd, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  {
    DoItem worker = make_worker();
    for (std::size_t item = next.take(); item < job.n; item = next.take()) {
      Record record;
      record.item_done = true;
      std::string error = do_safely(worker, item);
      std::memcpy(record.error.data(), error.data(),
                  std::min(error.size(), record.error.size() - 1));
      send(fd, record);
    }
  }
  Record last;
  last.memory_bytes = peak_memory_of_self();
  send(fd, last);
  // Not exit(): the parent's destructors and buffers are not ours to run.
  ::_exit(0);
}

std::vector<pid_t> fork_workers(const ArmJob& job, const MakeWorker& make_worker, SharedIndex& next,
                                int fd) {
  std::size_t count = std::min<std::size_t>(job.arm.workers, job.n);
  std::vector<pid_t> workers;
  pid_t parent = ::getpid();
  for (std::size_t i = 0; i < count; ++i) {
    pid_t pid = ::fork();
    if (pid == 0) work_and_exit(job, make_worker, next, fd, parent);
    if (pid < 0 && workers.empty()) throw system_error(errno, "start", "a worker process");
    if (pid < 0) break;  // a smaller pool does the work too, and the report counts the processes
    workers.push_back(pid);
  }
  return workers;
}

bool receive(int fd, Record& record) {
  ssize_t got = 0;
  do {
    got = ::read(fd, &record, sizeof record);
  } while (got < 0 && errno == EINTR);
  return got == sizeof record;
}

std::string describe_death(int status) {
  if (WIFSIGNALED(status)) return "worker died (signal " + std::to_string(WTERMSIG(status)) + ")";
  if (WEXITSTATUS(status) != 0) {
    return "worker died (exit code " + std::to_string(WEXITSTATUS(status)) + ")";
  }
  return "";
}

std::string reap(const std::vector<pid_t>& workers) {
  std::string death;
  for (pid_t pid : workers) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (death.empty()) death = describe_death(status);
  }
  return death;
}

}  // namespace

ArmResult run_sequentially(const ArmJob& job, const MakeWorker& make_worker) {
  ArmResult result;
  auto started = std::chrono::steady_clock::now();
  DoItem worker = make_worker();
  for (std::size_t item = 0; item < job.n; ++item) {
    std::string error = do_safely(worker, item);
    result.count(error);
    job.progress->finished_one(error.empty());
    bool over = job.bound != kNoLimit && std::chrono::steady_clock::now() - started >= job.bound;
    if (over) break;
  }
  return result;
}

ArmResult run_in_threads(const ArmJob& job, const MakeWorker& make_worker) {
  ArmResult result;
  std::mutex mutex;
  std::atomic<std::size_t> next{0};
  auto work = [&] {
    DoItem worker = make_worker();
    for (std::size_t item = next++; item < job.n; item = next++) {
      std::string error = do_safely(worker, item);
      job.progress->finished_one(error.empty());
      std::lock_guard lock(mutex);
      result.count(error);
    }
  };
  std::size_t count = std::min<std::size_t>(job.arm.workers, job.n);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    try {
      threads.emplace_back(work);
    } catch (const std::system_error&) {
      if (threads.empty()) throw;
      break;  // the system gives no more: a smaller pool does the work too
    }
  }
  for (std::thread& thread : threads) thread.join();
  result.threads = static_cast<unsigned>(threads.size()) + 1;
  return result;
}

ArmResult run_in_processes(const ArmJob& job, const MakeWorker& make_worker) {
  Pipe pipe = make_pipe();
  SharedIndex next;
  std::vector<pid_t> workers = fork_workers(job, make_worker, next, pipe.write_end.get());
  pipe.write_end.reset();  // or the end of the last worker would not be the end of the pipe

  ArmResult result;
  Record record;
  while (receive(pipe.read_end.get(), record)) {
    result.worker_memory_bytes += record.memory_bytes;
    if (!record.item_done) continue;
    std::string error = record.error.data();
    result.count(error);
    job.progress->finished_one(error.empty());
  }
  std::string death = reap(workers);
  while (result.completed < job.n) result.count(death.empty() ? "lost by its worker" : death);
  result.processes = static_cast<unsigned>(workers.size()) + 1;
  result.threads = result.processes;
  return result;
}

ArmResult run_blocking(const ArmJob& job, const MakeWorker& make_worker) {
  switch (job.arm.kind) {
    case ArmKind::sequential:
      return run_sequentially(job, make_worker);
    case ArmKind::threads:
      return run_in_threads(job, make_worker);
    case ArmKind::processes:
      return run_in_processes(job, make_worker);
    case ArmKind::asyncio:
    case ArmKind::python:
      break;
  }
  throw ToolError("internal: " + to_string(job.arm) + " is not a blocking arm");
}

}  // namespace asyncio::tool
