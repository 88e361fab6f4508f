#include "loop/ring.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "loop/thread_sanitizer.hpp"

namespace asyncio::detail {
namespace {

int checked(long result) noexcept { return result < 0 ? -errno : static_cast<int>(result); }

// What the kernel writes while we look.
unsigned load(const unsigned* at) noexcept {
  return std::atomic_ref<unsigned>(*const_cast<unsigned*>(at)).load(std::memory_order_acquire);
}
// What the kernel may look at from now on, with all that was written before.
void publish(unsigned* at, unsigned value) noexcept {
  std::atomic_ref<unsigned>(*at).store(value, std::memory_order_release);
}

// The flags to ask for, best first. Linux 6.1 has all, 5.19 the second, 5.13 none. One that the
// kernel does not know is EINVAL.
constexpr unsigned kSize = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
constexpr std::array kForOneThread = {
    kSize | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
        IORING_SETUP_TASKRUN_FLAG,
    kSize | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    kSize | IORING_SETUP_SUBMIT_ALL, kSize};
constexpr std::array kForAnyThread = {kSize | IORING_SETUP_SUBMIT_ALL, kSize};

// Completions are never dropped, waits have a timeout, and (which no flag tells, but this one came
// with it) polls go on after their first event.
constexpr unsigned kNeeded =
    IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_RSRC_TAGS;

}  // namespace

const RingCalls& RingCalls::kernel() noexcept {
  static constexpr RingCalls calls{
      [](unsigned entries, io_uring_params* params) noexcept {
        return checked(::syscall(SYS_io_uring_setup, entries, params));
      },
      [](int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void* arg,
         std::size_t size) noexcept {
        return checked(
            ::syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, arg, size));
      },
      [](int fd, unsigned opcode, void* arg, unsigned count) noexcept {
        return checked(::syscall(SYS_io_uring_register, fd, opcode, arg, count));
      }};
  return calls;
}

// --- opening ------------------------------------------------------------------------------------

int Ring::open(const RingOptions& options) {
  const auto attempt = [&](unsigned flags) {
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = options.completions;
    const int fd = calls_->setup(options.entries, &params);
    if (fd < 0) return fd;
    fd_ = fd;
    flags_ = flags;
    features_ = params.features;
    int result = (features_ & kNeeded) == kNeeded ? map(params) : -EOPNOTSUPP;
    if (result < 0) close();
    return result;
  };
  int result = -EINVAL;
  if (options.one_thread) {
    for (std::size_t i = 0; result == -EINVAL && i < kForOneThread.size(); ++i) {
      result = attempt(kForOneThread[i]);
    }
  } else {
    for (std::size_t i = 0; result == -EINVAL && i < kForAnyThread.size(); ++i) {
      result = attempt(kForAnyThread[i]);
    }
  }
  if (result == 0) probe();
  return result == -EINVAL ? -EOPNOTSUPP : result;
}

int Ring::map(const io_uring_params& params) {
  rings_size_ =
      std::max<std::size_t>(params.sq_off.array + params.sq_entries * sizeof(unsigned),
                            params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe));
  requests_size_ = params.sq_entries * sizeof(io_uring_sqe);
  constexpr int protection = PROT_READ | PROT_WRITE;
  void* rings = ::mmap(nullptr, rings_size_, protection, MAP_SHARED | MAP_POPULATE, fd_,
                       static_cast<off_t>(IORING_OFF_SQ_RING));
  if (rings == MAP_FAILED) return -errno;
  rings_ = static_cast<std::byte*>(rings);
  void* requests = ::mmap(nullptr, requests_size_, protection, MAP_SHARED | MAP_POPULATE, fd_,
                          static_cast<off_t>(IORING_OFF_SQES));
  if (requests == MAP_FAILED) return -errno;
  requests_ = static_cast<io_uring_sqe*>(requests);

  const auto word = [this](unsigned offset) {
    return reinterpret_cast<unsigned*>(rings_ + offset);
  };
  submit_head_ = word(params.sq_off.head);
  submit_tail_ = word(params.sq_off.tail);
  submit_flags_ = word(params.sq_off.flags);
  submit_mask_ = *word(params.sq_off.ring_mask);
  submit_room_ = params.sq_entries;
  tail_ = *submit_tail_;
  // The kernel allows requests out of order; ours never are.
  unsigned* order = word(params.sq_off.array);
  for (unsigned i = 0; i < params.sq_entries; ++i) order[i] = i;
  complete_head_ = word(params.cq_off.head);
  complete_tail_ = word(params.cq_off.tail);
  complete_mask_ = *word(params.cq_off.ring_mask);
  completions_ = reinterpret_cast<io_uring_cqe*>(rings_ + params.cq_off.cqes);
  return 0;
}

void Ring::probe() noexcept {
  constexpr std::size_t kMost = 256;
  alignas(io_uring_probe)
      std::array<std::byte, sizeof(io_uring_probe) + kMost * sizeof(io_uring_probe_op)>
          memory{};
  auto* answer = reinterpret_cast<io_uring_probe*>(memory.data());
  operations_.fill(false);
  if (calls_->enroll(fd_, IORING_REGISTER_PROBE, answer, kMost) < 0) return;
  for (unsigned i = 0; i < answer->ops_len && i < kMost; ++i) {
    const io_uring_probe_op& operation = answer->ops[i];
    if (operation.op < operations_.size()) {
      operations_[operation.op] = (operation.flags & IO_URING_OP_SUPPORTED) != 0;
    }
  }
}

void Ring::close() noexcept {
  if (requests_ != nullptr) ::munmap(requests_, requests_size_);
  if (rings_ != nullptr) ::munmap(rings_, rings_size_);
  if (fd_ >= 0) ::close(fd_);
  requests_ = nullptr;
  rings_ = nullptr;
  fd_ = -1;
  waiting_.clear();
}

// --- requests -----------------------------------------------------------------------------------

unsigned Ring::unsubmitted() const noexcept { return tail_ - load(submit_head_); }

io_uring_sqe& Ring::request() {
  if (waiting_.empty() && unsubmitted() == submit_room_) submit();
  if (!waiting_.empty() || unsubmitted() == submit_room_) return waiting_.emplace_back();
  io_uring_sqe& out = requests_[tail_++ & submit_mask_];
  out = {};
  return out;
}

void Ring::refill() noexcept {
  while (!waiting_.empty() && unsubmitted() < submit_room_) {
    requests_[tail_++ & submit_mask_] = waiting_.front();
    waiting_.pop_front();
  }
  publish(submit_tail_, tail_);
}

bool Ring::idle() const noexcept {
  return ready() == 0 && unsubmitted() == 0 && waiting_.empty() &&
         (load(submit_flags_) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0;
}

// How much was taken is read from the queue, never from the result: after an error or a signal too
// nothing is handed over twice, and nothing forgotten.
int Ring::enter(unsigned min_complete, unsigned flags, const void* arg, std::size_t size) noexcept {
  refill();
  return calls_->enter(fd_, unsubmitted(), min_complete, flags, arg, size);
}

int Ring::submit() noexcept {
  for (;;) {
    refill();
    const unsigned before = unsubmitted();
    if (before == 0) return 0;
    const int result = enter(0, 0, nullptr, 0);
    if (result == -EINTR) continue;
    if (result < 0) return result;
    if (waiting_.empty() || unsubmitted() == before) return 0;
  }
}

int Ring::fetch() noexcept {
  if (!waiting_.empty()) submit();
  int result = -EINTR;
  while (result == -EINTR) result = enter(0, IORING_ENTER_GETEVENTS, nullptr, 0);
  return std::min(result, 0);
}

int Ring::settle() noexcept {
  // The kernel works off a few dozen at a time. The bound is for a kernel that never says "done".
  constexpr int kMostRounds = 10000;
  int result = fetch();
  for (int i = 0; result == 0 && i < kMostRounds; ++i) {
    if ((load(submit_flags_) & IORING_SQ_TASKRUN) == 0 && unsubmitted() == 0) break;
    result = fetch();
  }
  return result;
}

int Ring::wait(Nanoseconds timeout) noexcept {
  if (!waiting_.empty()) submit();
  if (!waiting_.empty()) return fetch();  // something waits for room, which only we can make
  const Nanoseconds longest = kRawSleepsAreShort ? std::min(timeout, kShortSleep) : timeout;
  __kernel_timespec limit{};
  io_uring_getevents_arg arg{};
  arg.sigmask_sz = _NSIG / 8;
  if (longest != Nanoseconds::max()) {
    limit.tv_sec = longest.count() / 1'000'000'000;
    limit.tv_nsec = longest.count() % 1'000'000'000;
    arg.ts = reinterpret_cast<std::uintptr_t>(&limit);
  }
  const int result = enter(1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
  return std::min(result, 0);
}

// --- completions --------------------------------------------------------------------------------

unsigned Ring::ready() const noexcept { return load(complete_tail_) - *complete_head_; }

bool Ring::has_overflown() const noexcept {
  return (load(submit_flags_) & IORING_SQ_CQ_OVERFLOW) != 0;
}

bool Ring::next(Completion& out) noexcept {
  const unsigned head = *complete_head_;  // ours alone
  if (head == load(complete_tail_)) return false;
  const io_uring_cqe& entry = completions_[head & complete_mask_];
  out = {entry.user_data, entry.res, (entry.flags & IORING_CQE_F_MORE) != 0};
  publish(complete_head_, head + 1);
  return true;
}

bool Ring::has_ended(std::uint64_t user_data, unsigned skip, int& result) const noexcept {
  const unsigned end = load(complete_tail_);
  for (unsigned at = *complete_head_ + skip; at != end; ++at) {
    const io_uring_cqe& entry = completions_[at & complete_mask_];
    if (entry.user_data != user_data || (entry.flags & IORING_CQE_F_MORE) != 0) continue;
    result = entry.res;
    return true;
  }
  return false;
}

std::string ring_refusal(int error) {
  switch (-error) {
    case EPERM:
    case EACCES:
      return "EPERM: a sandbox or the setting kernel.io_uring_disabled forbids it";
    case ENOSYS:
      return "ENOSYS: this kernel is built without it, or a sandbox hides it";
    case ENOMEM:
      return "ENOMEM: too little memory, or the limit of locked memory (ulimit -l) is too low";
    case EOPNOTSUPP:
      return "this kernel is too old; it takes Linux 5.13";
    default:
      return std::strerror(-error);
  }
}

}  // namespace asyncio::detail
