#include "loop/file_ring.hpp"

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
    case FileCall::Kind::read:
      return IORING_OP_READ;
    case FileCall::Kind::write:
      return IORING_OP_WRITE;
    case FileCall::Kind::fsync:
      return IORING_OP_FSYNC;
    default:
      return kNone;
  }
}

}  // namespace

int FileRing::open(const RingOptions& options) {
  if (const int opened = ring_.open(options); opened < 0) return opened;
  most_in_kernel_ = options.entries;
  descriptor.fd = ring_.fd();
  descriptor.reader = this;
  return 0;
}

bool FileRing::takes(const FileCall& call) const noexcept {
  return ring_.supports(opcode_of(call));
}

// --- out ----------------------------------------------------------------------------------------

void FileRing::start(FileCall& call) noexcept {
  waiting_.push_back(&call);
  ++waiting_count_;
}

bool FileRing::submit() noexcept {
  // No more than have room among the completions: the kernel finds the others no faster.
  while (in_kernel_ < most_in_kernel_) {
    BlockingJob* job = waiting_.pop_front();
    if (job == nullptr) break;
    --waiting_count_;
    hand_over(static_cast<FileCall&>(*job));
  }
  const int result = ring_.submit();
  fetch();  // what was cached
  return result == 0;
}

void FileRing::hand_over(FileCall& call) noexcept {
  io_uring_sqe& request = ring_.request();
  request.opcode = static_cast<std::uint8_t>(opcode_of(call));
  request.fd = call.fd;
  request.user_data = reinterpret_cast<std::uintptr_t>(&call);
  if (call.kind != FileCall::Kind::fsync) {
    request.addr = reinterpret_cast<std::uintptr_t>(call.buffer);
    request.len = static_cast<std::uint32_t>(std::min(call.size, kLongest));
    request.off = static_cast<std::uint64_t>(call.offset);
    if (call.size >= kLong) request.flags = IOSQE_ASYNC;
  }
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
  switch (completion.result) {
    case -EINTR:
      if (!finishing_) return start(call);
      break;
    // The thread that has started it is gone, or the file has no such call for a ring.
    case -EAGAIN:
    case -ECANCELED:
    case -EOPNOTSUPP:
      if (!finishing_) return refused_.push_back(&call);
      break;
    default:
      break;
  }
  send_home(call, completion.result);
}

void FileRing::send_home(FileCall& call, std::ptrdiff_t result) noexcept {
  call.result = result;
  sink_(context_, call);
}

FileCall* FileRing::take_refused() noexcept { return static_cast<FileCall*>(refused_.pop_front()); }

void FileRing::finish() noexcept {
  finishing_ = true;
  while (BlockingJob* job = waiting_.pop_front()) {
    --waiting_count_;
    send_home(static_cast<FileCall&>(*job), -ECANCELED);
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
  while (FileCall* call = take_refused()) send_home(*call, -ECANCELED);
}

}  // namespace asyncio::detail
