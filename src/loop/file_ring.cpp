#include "loop/file_ring.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace asyncio::detail {
namespace {

constexpr std::uint64_t kNobody = 0;
// The kernel would cut a longer one short itself.
constexpr std::size_t kLongest = 0x7ffff000;
// The kernel copies what it has cached on our thread, at the call. From this size on it is to do so
// on one of its own, beside our loop.
constexpr std::size_t kLong = 256 * 1024;

constexpr unsigned kNone = IORING_OP_LAST;

unsigned opcode_of(const FileCall& call) noexcept {
  switch (call.kind) {
    case FileCall::Kind::open:
      return IORING_OP_OPENAT;
    case FileCall::Kind::close:
      return IORING_OP_CLOSE;
    case FileCall::Kind::read:
      return IORING_OP_READ;
    case FileCall::Kind::write:
      return IORING_OP_WRITE;
    case FileCall::Kind::fsync:
    case FileCall::Kind::fdatasync:
      return IORING_OP_FSYNC;
    default:
      return kNone;  // the kernel would put the others on a thread of its own: so can we
  }
}

bool moves_bytes(const FileCall& call) noexcept {
  return call.kind == FileCall::Kind::read || call.kind == FileCall::Kind::write;
}

std::uint64_t address(const void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }

// Of a call that goes on until all is there: what is left after `result` bytes.
void fill_transfer(io_uring_sqe& request, const FileCall& call) noexcept {
  const auto before = static_cast<std::size_t>(call.result);
  const std::size_t left = std::min(call.size - before, kLongest);
  request.addr = address(static_cast<std::byte*>(call.buffer) + before);
  request.len = static_cast<std::uint32_t>(left);
  const std::int64_t offset = call.offset < 0 ? -1 : call.offset + call.result;
  request.off = static_cast<std::uint64_t>(offset);
  if (left >= kLong) request.flags = IOSQE_ASYNC;
}

void fill(io_uring_sqe& request, const FileCall& call) noexcept {
  request.opcode = static_cast<std::uint8_t>(opcode_of(call));
  request.user_data = address(&call);
  request.fd = call.fd;
  switch (call.kind) {
    case FileCall::Kind::open:
      request.fd = AT_FDCWD;
      request.addr = address(call.path);
      request.open_flags = static_cast<std::uint32_t>(call.flags | O_CLOEXEC);
      request.len = call.mode;
      break;
    case FileCall::Kind::fdatasync:
      request.fsync_flags = IORING_FSYNC_DATASYNC;
      break;
    default:
      if (moves_bytes(call)) fill_transfer(request, call);
  }
}

// On a thread, who reads or writes where the descriptor stands waits for the one before; by a ring
// two such calls would find the same place.
bool shares_position(const FileCall& call, const base::List<BlockingJob>& others) noexcept {
  if (call.offset >= 0 || !moves_bytes(call)) return false;
  for (const BlockingJob* job = others.front(); job != nullptr; job = others.next(job)) {
    const auto& other = static_cast<const FileCall&>(*job);
    if (other.fd == call.fd && other.offset < 0 && moves_bytes(other)) return true;
  }
  return false;
}

}  // namespace

int FileRing::open(const RingOptions& options) {
  if (const int opened = ring_.open(options); opened < 0) return opened;
  most_in_kernel_ = options.entries;
  descriptor.fd = ring_.fd();
  descriptor.reader = this;
  return 0;
}

bool FileRing::can_take(const FileCall& call) noexcept {
  return !call.needs_thread && opcode_of(call) != kNone;
}

bool FileRing::takes(const FileCall& call) const noexcept {
  return can_take(call) && ring_.supports(opcode_of(call));
}

// --- out ----------------------------------------------------------------------------------------

void FileRing::start(FileCall& call) noexcept {
  call.result = 0;
  call.stopped_by = 0;
  call.ended = false;
  enqueue(call);
}

void FileRing::enqueue(FileCall& call) noexcept {
  waiting_.push_back(&call);
  ++waiting_count_;
}

bool FileRing::submit() noexcept {
  base::List<BlockingJob> held;
  // No more than have room among the completions: the kernel finds the others no faster.
  while (in_kernel_ < most_in_kernel_) {
    auto* call = static_cast<FileCall*>(waiting_.pop_front());
    if (call == nullptr) break;
    if (shares_position(*call, held) || shares_position(*call, running_)) {
      held.push_back(call);
      continue;
    }
    --waiting_count_;
    hand_over(*call);
  }
  held.splice_back(waiting_);
  waiting_.splice_back(held);
  const int result = ring_.submit();
  fetch();  // what was cached
  return result == 0;
}

void FileRing::hand_over(FileCall& call) noexcept {
  fill(ring_.request(), call);
  running_.push_back(&call);
  ++in_kernel_;
}

// --- back ---------------------------------------------------------------------------------------

void FileRing::fetch() noexcept {
  if (!ring_.idle() && ring_.ready() == 0) ring_.fetch();
  Completion completion;
  while (ring_.next(completion)) on_completion(completion);
}

void FileRing::on_completion(const Completion& completion) noexcept {
  if (completion.user_data == kNobody) return;
  auto& call = *reinterpret_cast<FileCall*>(static_cast<std::uintptr_t>(completion.user_data));
  call.unlink();
  --in_kernel_;
  const int result = completion.result;
  if (finishing_) return end(call, result);
  switch (result) {
    case -EINTR:
      return call.kind == FileCall::Kind::close ? end(call, 0) : enqueue(call);
    case -EAGAIN:
    case -ECANCELED:  // the thread that has handed it over has ended
    case -EOPNOTSUPP:
      // Not by the ring, then. What has moved bytes already need not go on.
      return call.result == 0 ? refused_.push_back(&call) : end(call, result);
    default:
      break;
  }
  const bool all = result <= 0 || !call.whole || !moves_bytes(call) ||
                   static_cast<std::size_t>(call.result + result) >= call.size;
  if (all) return end(call, result);
  call.result += result;
  enqueue(call);
}

// `result` is of the last piece, what went before is in the call.
void FileRing::end(FileCall& call, int result) noexcept {
  if (result >= 0) {
    call.result += result;
    call.ended = result == 0 && call.kind == FileCall::Kind::read && call.size > 0;
  } else if (call.result > 0) {
    call.stopped_by = -result;
  } else {
    call.result = result;
  }
  sink_(context_, call);
}

FileCall* FileRing::take_refused() noexcept { return static_cast<FileCall*>(refused_.pop_front()); }

void FileRing::finish() noexcept {
  finishing_ = true;
  while (BlockingJob* job = waiting_.pop_front()) {
    --waiting_count_;
    end(static_cast<FileCall&>(*job), -ECANCELED);
  }
  // A pipe or a terminal may never have anything to read; a disk always answers.
  base::List<BlockingJob> running;
  running.splice_back(running_);
  while (BlockingJob* job = running.pop_front()) {
    io_uring_sqe& request = ring_.request();
    request.opcode = IORING_OP_ASYNC_CANCEL;
    request.fd = -1;
    request.addr = reinterpret_cast<std::uintptr_t>(static_cast<FileCall*>(job));
    request.user_data = kNobody;
    running_.push_back(job);
  }
  fetch();
  while (in_kernel_ > 0) {
    ring_.wait(Nanoseconds::max());
    fetch();
  }
  while (FileCall* call = take_refused()) end(*call, -ECANCELED);
}

}  // namespace asyncio::detail
