#include "loop/uring_poller.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <new>
#include <utility>

namespace asyncio::detail {
namespace {

// Requests that are about no descriptor. A descriptor's key has its generation, never 0, above
// these.
constexpr std::uint64_t kNobody = 0;
constexpr std::uint64_t kWakeUp = 1;

int fd_of(std::uint64_t key) noexcept { return static_cast<int>(key & 0xffffffffU); }

// The kernel wants the two halves of the mask in the order of a little machine.
constexpr std::uint32_t poll_mask(std::uint32_t events) noexcept {
  if constexpr (std::endian::native == std::endian::big) return std::rotl(events, 16);
  return events;
}

void poll_again_and_again(io_uring_sqe& request, int fd, std::uint32_t events) noexcept {
  request.opcode = IORING_OP_POLL_ADD;
  request.fd = fd;
  request.len = IORING_POLL_ADD_MULTI;
  request.poll32_events = poll_mask(events);
}

}  // namespace

int make_uring_poller(int wake_fd, std::unique_ptr<Poller>& out) noexcept {
  try {
    auto poller = std::make_unique<UringPoller>();
    const int opened = poller->open(wake_fd);
    if (opened == 0) out = std::move(poller);
    return opened;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

int UringPoller::open(int wake_fd, const RingOptions& options) {
  wake_fd_ = wake_fd;
  options_ = options;
  thread_ = std::this_thread::get_id();
  if (const int opened = ring_->open(options); opened < 0) return opened;
  if (!ring_->supports(IORING_OP_POLL_ADD) || !ring_->supports(IORING_OP_ASYNC_CANCEL)) {
    return -EOPNOTSUPP;
  }
  skip_success_ = (ring_->features() & IORING_FEAT_CQE_SKIP) != 0 ? IOSQE_CQE_SKIP_SUCCESS : 0;
  return arm_wake_up();
}

int UringPoller::arm_wake_up() {
  io_uring_sqe& request = ring_->request();
  poll_again_and_again(request, wake_fd_, POLLIN);
  request.user_data = kWakeUp;
  return ring_->submit();
}

// --- descriptors --------------------------------------------------------------------------------

std::uint64_t UringPoller::key(int fd) const noexcept {
  const std::uint64_t generation = slots_[static_cast<std::size_t>(fd)].generation;
  return generation << 32 | static_cast<std::uint32_t>(fd);
}

void UringPoller::arm(int fd) {
  std::uint32_t& generation = slots_[static_cast<std::size_t>(fd)].generation;
  generation = std::max(generation + 1, 1U);  // 0 is taken
  io_uring_sqe& request = ring_->request();
  poll_again_and_again(request, fd, POLLIN | POLLOUT | POLLRDHUP);
  request.user_data = key(fd);
}

// Not IORING_OP_POLL_REMOVE: that one refuses (EALREADY) while an event is on its way.
void UringPoller::disarm(int fd) {
  io_uring_sqe& request = ring_->request();
  request.opcode = IORING_OP_ASYNC_CANCEL;
  request.fd = -1;
  request.addr = key(fd);
  request.flags = static_cast<std::uint8_t>(skip_success_);
  request.user_data = kNobody;
}

int UringPoller::add(Descriptor& descriptor) noexcept {
  const int fd = descriptor.fd;
  if (fd < 0) return -EBADF;
  try {
    if (slots_.size() <= static_cast<std::size_t>(fd)) {
      slots_.resize(std::max<std::size_t>(static_cast<std::size_t>(fd) + 1,
                                          slots_.size() + slots_.size() / 4));
    }
    Slot& slot = slots_[static_cast<std::size_t>(fd)];
    if (slot.descriptor != nullptr && is_taken(fd)) return -EEXIST;
    slot.descriptor = &descriptor;
    arm(fd);
    const unsigned before = ring_->ready();
    if (moved_here(ring_->submit())) return 0;
    // A request that has ended already was refused. So was, unlike with the same call of poll(),
    // what is always ready: a file, as with epoll.
    int result = 0;
    if (!ring_->has_ended(key(fd), before, result)) return 0;
    slot.descriptor = nullptr;
    return result < 0 ? result : -EPERM;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

// Two may not watch one descriptor. But whoever has the number may have closed it unseen, and this
// is the next one with it; the file that is open now tells: it has a request of ours or has none.
bool UringPoller::is_taken(int fd) noexcept {
  // It has ended for want of room, and will be made again.
  if (std::find(ended_.begin(), ended_.end(), key(fd)) != ended_.end()) return true;
  constexpr unsigned kByFile = IORING_ASYNC_CANCEL_FD;
  io_uring_sqe& request = ring_->request();
  request.opcode = IORING_OP_ASYNC_CANCEL;
  request.fd = fd;
  request.cancel_flags = kByFile;
  request.user_data = kNobody;
  const unsigned before = ring_->ready();
  ring_->settle();
  int result = 0;
  const bool known = ring_->has_ended(kNobody, before, result);
  if (known && result == -ENOENT) {
    disarm(fd);
    ring_->settle();
    return false;
  }
  // Asking has ended it. The next one tells what it would have told meanwhile; and whoever asks
  // again at once must find one.
  if (known && result >= 0) {
    arm(fd);
    moved_here(ring_->submit());
  }
  return true;
}

void UringPoller::remove(Descriptor& descriptor) noexcept {
  const auto fd = static_cast<std::size_t>(descriptor.fd);
  // Closed unseen, and somebody else's by now; or watched before a fork.
  if (fd >= slots_.size() || slots_[fd].descriptor != &descriptor) return;
  disarm(descriptor.fd);
  slots_[fd].descriptor = nullptr;
  // At once: a request holds the file, and a close() after this one must end the connection.
  moved_here(ring_->settle());
}

// A ring for one thread refuses another (EEXIST). A loop may well be run in one thread after
// another, and be closed in a third: then we make a new one there. There is nothing to lose but
// requests, and those are made again.
bool UringPoller::moved_here(int error) noexcept { return error == -EEXIST && move_here(); }

bool UringPoller::move_here() noexcept {
  auto ring = std::make_unique<Ring>(*calls_);
  if (ring->open(options_) < 0) return false;
  ring_ = std::move(ring);
  thread_ = std::this_thread::get_id();
  arm_wake_up();
  for (std::size_t fd = 0; fd < slots_.size(); ++fd) {
    if (slots_[fd].descriptor != nullptr) arm(static_cast<int>(fd));
  }
  ring_->submit();
  return true;
}

// --- events -------------------------------------------------------------------------------------

void UringPoller::collect(Nanoseconds timeout) noexcept {
  // Its looks cost no call that could be refused.
  if (thread_ != std::this_thread::get_id()) move_here();
  if (!ended_.empty()) {
    arm_ended();
    timeout = Nanoseconds{0};
  }
  if (timeout <= Nanoseconds{0} || ring_->ready() > 0) {
    // Nothing to hand over and nothing due: no system call.
    if (!ring_->idle()) moved_here(ring_->fetch());
    return;
  }
  if (moved_here(ring_->wait(timeout))) ring_->fetch();
}

// The kernel ends a poll when there is no room for its completion. Made again at once it would find
// none again, and tell the same event for ever: so only when the kernel has none left in its own
// list, and no more than there is room for, since what is ready now completes immediately.
void UringPoller::arm_ended() noexcept {
  if (ring_->has_overflown()) return;
  for (unsigned room = ring_->room(); room > 0 && !ended_.empty(); --room) {
    const std::uint64_t ended = ended_.back();
    ended_.pop_back();
    const int fd = fd_of(ended);
    if (slots_[static_cast<std::size_t>(fd)].descriptor != nullptr && key(fd) == ended) arm(fd);
  }
}

void UringPoller::dispatch() noexcept {
  Completion completion;
  for (unsigned left = ring_->ready(); left > 0 && ring_->next(completion); --left) {
    on_completion(completion);
  }
}

void UringPoller::on_completion(const Completion& completion) {
  if (completion.user_data == kNobody) return;
  if (completion.user_data == kWakeUp) {
    if (!completion.more) arm_wake_up();
    return;
  }
  const int fd = fd_of(completion.user_data);
  Slot& slot = slots_[static_cast<std::size_t>(fd)];
  if (slot.descriptor == nullptr || completion.user_data != key(fd)) return;
  Descriptor& descriptor = *slot.descriptor;
  const int result = completion.result;
  // One that has ended is made again, and tells what it would have told meanwhile. A failed one is
  // not, but whoever waits shall try, and see the error.
  const bool failed = result < 0 && result != -ECANCELED;
  if (!completion.more && !failed) ended_.push_back(completion.user_data);
  const auto events = static_cast<std::uint32_t>(std::max(result, 0));
  descriptor.on_event((events & (POLLIN | POLLPRI)) != 0, (events & POLLOUT) != 0,
                      failed || (events & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

}  // namespace asyncio::detail
