#include "loop/spawn.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "loop/checked.hpp"

// The C library's clone(), by the name that the thread sanitizer does not replace: its own expects
// a child with memory of its own.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument,
                       ...) noexcept;  // NOLINT(bugprone-reserved-identifier)

namespace asyncio::detail {
namespace {

// The child runs on our memory, beside our other threads, while a sanitizer believes that there is
// one process. So none of its code is instrumented, and it makes its calls without the library's
// functions, which sanitizers replace.
#define ASYNCIO_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

constexpr std::size_t kStackSize = 256 * 1024;
constexpr int kLastSignal = 64;

struct Move {
  int source;
  int target;
  int temporary;
};

// All that the child needs, made before it is there: it must not allocate.
struct Plan {
  const char* const* candidates = nullptr;  // null-terminated, as the next two
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* directory = nullptr;
  Move* moves = nullptr;  // in order of their targets
  std::size_t move_count = 0;
  int above_targets = 3;
  bool new_session = false;
  bool set_group = false;
  int group = 0;
  bool keep_ignored = false;
  // What it failed with, for us to read.
  int error = 0;
  SpawnStep step = SpawnStep::fork;
};

template <class... Args>
ASYNCIO_IN_CHILD long call(long number, Args... args) noexcept {
  for (;;) {
    const long result = ::syscall(number, args...);
    if (result >= 0 || errno != EINTR) return result;
  }
}

// Back to what a program expects at its start. The kernel's structure begins with the handler;
// zeros are the default, no flags and an empty mask.
ASYNCIO_IN_CHILD void reset_signals(bool keep_ignored) noexcept {
  struct KernelAction {
    std::uintptr_t handler;
    std::uintptr_t rest[19];
  };
  constexpr long kMaskSize = kLastSignal / 8;
  for (long number = 1; number <= kLastSignal; ++number) {
    KernelAction now;
    if (keep_ignored) {
      if (call(SYS_rt_sigaction, number, nullptr, &now, kMaskSize) < 0) continue;
      if (now.handler == reinterpret_cast<std::uintptr_t>(SIG_IGN)) continue;
    }
    now.handler = 0;
    for (std::uintptr_t& word : now.rest) word = 0;
    call(SYS_rt_sigaction, number, &now, nullptr, kMaskSize);  // fails for SIGKILL: no matter
  }
}

// First out of the way of all targets, then each to its place: a source may sit on another's
// target.
ASYNCIO_IN_CHILD bool move_descriptors(Plan& plan) noexcept {
  plan.step = SpawnStep::descriptors;
  for (std::size_t i = 0; i < plan.move_count; ++i) {
    Move& move = plan.moves[i];
    long source = move.source;
    if (source == SpawnRequest::kNullDevice) {
      source = call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
      if (source < 0) return false;
    }
    move.temporary = static_cast<int>(call(SYS_fcntl, source, F_DUPFD_CLOEXEC, plan.above_targets));
    if (move.temporary < 0) return false;
  }
  for (std::size_t i = 0; i < plan.move_count; ++i) {
    if (call(SYS_dup3, plan.moves[i].temporary, plan.moves[i].target, 0) < 0) return false;
  }
  return true;
}

ASYNCIO_IN_CHILD void close_range(unsigned first, unsigned last) noexcept {
  if (first > last || call(SYS_close_range, first, last, 0) >= 0) return;
  // Before Linux 5.9 there is no such call.
  struct {
    unsigned long now;
    unsigned long most;
  } limit{1024, 1024};
  call(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, nullptr, &limit);
  for (unsigned long fd = first; fd <= last && fd < limit.now; ++fd) call(SYS_close, fd);
}

// Ours close by themselves at exec; those of other code in this process may not.
ASYNCIO_IN_CHILD void close_others(const Plan& plan) noexcept {
  unsigned first = 3;
  for (std::size_t i = 0; i < plan.move_count; ++i) {
    const auto target = static_cast<unsigned>(plan.moves[i].target);
    if (target < first) continue;
    if (target > first) close_range(first, target - 1);
    first = target + 1;
  }
  close_range(first, ~0U);
}

ASYNCIO_IN_CHILD bool become(Plan& plan) noexcept {
  reset_signals(plan.keep_ignored);
  if (plan.new_session && call(SYS_setsid) < 0) return false;
  if (plan.set_group && call(SYS_setpgid, 0, plan.group) < 0) return false;
  if (!move_descriptors(plan)) return false;
  plan.step = SpawnStep::directory;
  if (plan.directory != nullptr && call(SYS_chdir, plan.directory) < 0) return false;
  plan.step = SpawnStep::exec;
  close_others(plan);
  const unsigned long none[2] = {0, 0};
  call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kLastSignal / 8);
  int error = ENOENT;
  for (const char* const* path = plan.candidates; *path != nullptr; ++path) {
    call(SYS_execve, *path, plan.arguments, plan.environment);
    // What is there and cannot be run says more than what is not there.
    if (errno != ENOENT && errno != ENOTDIR && error == ENOENT) error = errno;
  }
  errno = error;
  return false;
}

ASYNCIO_IN_CHILD int child_main(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  become(plan);
  plan.error = errno;
  for (;;) call(SYS_exit_group, 127);
}

// --- before -------------------------------------------------------------------------------------

std::string_view search_path(const SpawnRequest& request) {
  constexpr std::string_view kName = "PATH=";
  if (request.environment) {
    for (const std::string& entry : *request.environment) {
      if (entry.starts_with(kName)) return std::string_view(entry).substr(kName.size());
    }
  } else if (const char* path = std::getenv("PATH")) {
    return path;
  }
  return "/bin:/usr/bin";
}

// Where the program may be, in the order in which that is tried.
std::vector<std::string> candidates_of(const SpawnRequest& request) {
  std::vector<std::string> candidates;
  if (request.program.empty() || request.program.find('/') != std::string::npos) {
    candidates.push_back(request.program);
    return candidates;
  }
  std::string_view rest = search_path(request);
  for (;;) {
    const std::size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    candidates.push_back(folder.empty() ? request.program
                                        : std::string(folder) + "/" + request.program);
    if (colon == std::string_view::npos) return candidates;
    rest.remove_prefix(colon + 1);
  }
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<Move> moves_of(const SpawnRequest& request) {
  std::vector<Move> moves;
  moves.reserve(request.descriptors.size());
  for (const auto& [source, target] : request.descriptors) moves.push_back({source, target, -1});
  std::sort(moves.begin(), moves.end(),
            [](const Move& a, const Move& b) { return a.target < b.target; });
  return moves;
}

// A handler of ours must not run in the child, which has our memory: all signals wait meanwhile.
class SignalsHeldBack {
 public:
  SignalsHeldBack() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsHeldBack(const SignalsHeldBack&) = delete;
  SignalsHeldBack& operator=(const SignalsHeldBack&) = delete;
  ~SignalsHeldBack() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

pid_t spawn_process(const SpawnRequest& request, int* pidfd) {
  const std::vector<std::string> paths = candidates_of(request);
  const std::vector<char*> candidates = pointers_to(paths);
  const std::vector<char*> arguments = pointers_to(request.arguments);
  std::vector<char*> environment;
  if (request.environment) environment = pointers_to(*request.environment);
  std::vector<Move> moves = moves_of(request);

  Plan plan;
  plan.candidates = candidates.data();
  plan.arguments = arguments.data();
  plan.environment = request.environment ? environment.data() : ::environ;
  plan.directory = request.directory.empty() ? nullptr : request.directory.c_str();
  plan.moves = moves.data();
  plan.move_count = moves.size();
  if (!moves.empty()) plan.above_targets = std::max(3, moves.back().target + 1);
  plan.new_session = request.new_session;
  plan.set_group = request.process_group.has_value();
  plan.group = request.process_group.value_or(0);
  plan.keep_ignored = request.keep_ignored_signals;

  const std::unique_ptr<std::byte[]> stack(new std::byte[kStackSize]);
  auto top = reinterpret_cast<std::uintptr_t>(stack.get() + kStackSize) & ~std::uintptr_t{63};
  const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (pidfd != nullptr ? CLONE_PIDFD : 0);
  pid_t child = 0;
  {
    const SignalsHeldBack held_back;
    child = ::__clone(child_main, reinterpret_cast<void*>(top), flags, &plan, pidfd);
    if (child < 0) plan.error = errno;
  }
  if (plan.error == 0) return child;
  if (request.failed_step != nullptr) *request.failed_step = plan.step;
  if (child > 0) {
    checked([child] { return ::waitpid(child, nullptr, 0); });
    if (pidfd != nullptr) ::close(*pidfd);
  }
  return -plan.error;
}

}  // namespace asyncio::detail
