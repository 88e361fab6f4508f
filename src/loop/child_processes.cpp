#include "loop/child_processes.hpp"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "loop/checked.hpp"
#include "loop/spawn.hpp"

namespace asyncio::detail {
namespace {

constexpr auto kByPidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older C libraries lack

int wait_for(idtype_t how, int id, int flags, siginfo_t& info) noexcept {
  return checked([&] {
    info = {};
    return ::waitid(how, static_cast<id_t>(id), &info, flags);
  });
}

// Linux 5.4, unless a sandbox has something against it.
bool has_pidfds() noexcept {
  const int self = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (self < 0) return false;
  siginfo_t info{};
  const int waited = wait_for(kByPidfd, self, WEXITED | WNOHANG, info);
  ::close(self);
  return waited == -ECHILD;  // it knows what a pidfd is: we are no child of ours
}

}  // namespace

bool ChildProcesses::with_pidfds() {
  const std::lock_guard lock(mutex_);
  if (means_ == Means::unknown) means_ = has_pidfds() ? Means::pidfds : Means::threads;
  return means_ == Means::pidfds;
}

int ChildProcesses::spawn(const SpawnRequest& request, int& pidfd) {
  Running child;
  if (with_pidfds()) {
    child.pid = spawn_process(request, &pidfd);
    if (child.pid < 0) return child.pid;
  } else {
    child.pid = spawn_process(request, nullptr);
    if (child.pid < 0) return child.pid;
    pidfd = wait_in_thread(child);
    if (pidfd < 0) return pidfd;
  }
  const pid_t pid = child.pid;
  const std::lock_guard lock(mutex_);
  if (closed_) {
    end(pidfd, child);
    return -ECANCELED;
  }
  running_.emplace(pidfd, std::move(child));
  return pid;
}

// It only looks that the child has ended: whoever reaps it does so in the loop's thread, and until
// then the number stays the child's.
int ChildProcesses::wait_in_thread(Running& child) {
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int error = event < 0 ? errno : 0;
  if (error == 0) {
    try {
      child.waiter = std::thread([pid = child.pid, event] {
        siginfo_t info{};
        wait_for(P_PID, pid, WEXITED | WNOWAIT, info);
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof one);
      });
      return event;
    } catch (const std::system_error& no_thread) {
      error = no_thread.code().value();
    }
  }
  siginfo_t info{};
  ::kill(child.pid, SIGKILL);
  wait_for(P_PID, child.pid, WEXITED, info);
  if (event >= 0) ::close(event);
  return -error;
}

int ChildProcesses::send(int pidfd, const Running& child, int number) noexcept {
  // Without a pidfd the number is safe too: it is the child's until it is reaped, and that takes it
  // out of running_.
  const long result = child.waiter.joinable()
                          ? ::kill(child.pid, number)
                          : ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
  return result < 0 ? -errno : 0;
}

int ChildProcesses::signal(int pidfd, int number) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(pidfd);
  return found == running_.end() ? -ESRCH : send(pidfd, found->second, number);
}

int ChildProcesses::take_exit(int pidfd, const Running& child, bool wait,
                              ChildExit& exit) noexcept {
  siginfo_t info{};
  const bool by_number = child.waiter.joinable();
  const int result = wait_for(by_number ? P_PID : kByPidfd, by_number ? child.pid : pidfd,
                              WEXITED | (wait ? 0 : WNOHANG), info);
  if (result < 0) return result;
  if (info.si_pid == 0) return -EAGAIN;
  exit = info.si_code == CLD_EXITED ? ChildExit{info.si_status, 0} : ChildExit{0, info.si_status};
  return 0;
}

int ChildProcesses::reap(int pidfd, ChildExit& exit) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(pidfd);
  if (found == running_.end()) return -ECHILD;
  const int result = take_exit(pidfd, found->second, false, exit);
  if (result == -EAGAIN) return result;
  if (found->second.waiter.joinable()) found->second.waiter.join();
  running_.erase(found);
  return result;
}

void ChildProcesses::end(int pidfd, Running& child) noexcept {
  ChildExit ignored;
  send(pidfd, child, SIGKILL);
  take_exit(pidfd, child, true, ignored);
  if (child.waiter.joinable()) child.waiter.join();
  ::close(pidfd);
}

void ChildProcesses::end_all() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto& [pidfd, child] : running_) {
    if (process_ == fork_count()) {
      end(pidfd, child);
    } else if (child.waiter.joinable()) {
      child.waiter.detach();  // it stayed in the parent
    }
  }
  running_.clear();
}

}  // namespace asyncio::detail
