#include "concurrent/nursery_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>

#include "concurrent/nursery.hpp"
#include "concurrent/worker.hpp"

namespace asyncio::detail {
namespace {

constexpr int kControl = 3;  // where the nursery keeps it
constexpr int kChannel = 3;  // where a worker does

// A child's standard input is nobody's; output and errors are the program's.
void take_null_input() {
  const int null = ::open("/dev/null", O_RDONLY);
  if (null > 0) {
    ::dup2(null, 0);
    ::close(null);
  }
}

// Moves `fd` to `place` and closes all above it: nothing that the program has open stays.
void keep_only(int fd, int place) {
  if (fd != place) {
    ::dup2(fd, place);
    if (fd < place) ::close(fd);
  }
  ::fcntl(place, F_SETFD, FD_CLOEXEC);
  const auto first = static_cast<unsigned>(place) + 1;
  if (::close_range(first, ~0U, 0) == 0) return;
  const long most = ::sysconf(_SC_OPEN_MAX);
  for (int other = place + 1; other < most; ++other) ::close(other);
}

// Ctrl-C goes to all processes of the terminal, and is the program's to answer. The nursery's life
// hangs on the program's alone, so it ignores other ways to ask as well.
void reset_signals() {
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    std::signal(number, SIG_IGN);
  }
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);  // taken from a descriptor
  ::sigprocmask(SIG_SETMASK, &children, nullptr);
}

void reset_worker_signals() {
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) std::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

class NurseryProcess {
 public:
  explicit NurseryProcess(const std::function<void()>& initializer) : initializer_(initializer) {
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    children_ = ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  [[noreturn]] void run() {
    std::array<pollfd, 2> watched = {{{kControl, POLLIN, 0}, {children_, POLLIN, 0}}};
    for (;;) {
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) ::_exit(1);
      if (watched[1].revents != 0) reap();
      if (watched[0].revents != 0 && !take_order()) end_all();
    }
  }

 private:
  // False when the pool is gone.
  bool take_order() {
    NurseryOrder order;
    iovec part{&order, sizeof order};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    const ssize_t got = ::recvmsg(kControl, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got != static_cast<ssize_t>(sizeof order)) return false;
    if (order.kind == NurseryOrder::Kind::signal) {
      const auto worker = workers_.find(order.worker);
      if (worker != workers_.end()) ::kill(worker->second, order.signal_number);
      return true;
    }
    int channel = -1;
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&message)) {
      std::memcpy(&channel, CMSG_DATA(rights), sizeof channel);
    }
    start(order.worker, channel);
    if (channel >= 0) ::close(channel);
    return true;
  }

  void start(std::uint32_t worker, int channel) {
    const pid_t nursery = ::getpid();
    const pid_t pid = channel >= 0 ? ::fork() : -1;
    if (pid == 0) become_worker(channel, nursery);
    if (pid < 0) {
      tell({NurseryReport::Kind::failed, worker, 0, channel >= 0 ? errno : EMFILE});
      return;
    }
    workers_[worker] = pid;
    tell({NurseryReport::Kind::started, worker, pid, 0});
  }

  [[noreturn]] void become_worker(int channel, pid_t nursery) {
    // Should the nursery be killed, nobody else would end a worker that is at work.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != nursery) ::_exit(1);
    ::prctl(PR_SET_NAME, "asyncio-worker");
    keep_only(channel, kChannel);
    const int flags = ::fcntl(kChannel, F_GETFL);
    ::fcntl(kChannel, F_SETFL, flags & ~O_NONBLOCK);
    reset_worker_signals();
    work_until_closed(kChannel, initializer_);
  }

  void reap() {
    signalfd_siginfo news;
    while (::read(children_, &news, sizeof news) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      for (auto worker = workers_.begin(); worker != workers_.end(); ++worker) {
        if (worker->second != pid) continue;
        const int code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
        tell({NurseryReport::Kind::ended, worker->first, pid, code});
        workers_.erase(worker);
        break;
      }
    }
  }

  static void tell(const NurseryReport& report) {
    while (::send(kControl, &report, sizeof report, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
  }

  [[noreturn]] void end_all() {
    for (const auto& [worker, pid] : workers_) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    ::_exit(0);
  }

  const std::function<void()>& initializer_;
  std::map<std::uint32_t, pid_t> workers_;
  int children_ = -1;
};

}  // namespace

void be_nursery(int control, const std::function<void()>& initializer) {
  reset_signals();
  ::prctl(PR_SET_NAME, "asyncio-nursery");
  keep_only(control, kControl);
  take_null_input();
  forget_exit_handlers();
  NurseryProcess(initializer).run();
}

}  // namespace asyncio::detail
