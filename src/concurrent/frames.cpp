#include "concurrent/frames.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

namespace asyncio::detail {
namespace {

// A body up to this size finds room that is kept from frame to frame.
constexpr std::size_t kKeptRoom = std::size_t{64} << 10;
// The manager of a pool has other workers, too.
constexpr std::size_t kMostAtOnce = std::size_t{4} << 20;

}  // namespace

// --- reading ------------------------------------------------------------------------------------

Progress FrameReader::receive(int fd, char* to, std::size_t size, std::size_t& received) {
  while (received < size) {
    const ssize_t got = ::recv(fd, to + received, size - received, 0);
    if (got > 0) {
      received += static_cast<std::size_t>(got);
    } else if (got == 0) {
      return Progress::ended;
    } else if (errno == EAGAIN) {
      return Progress::more;
    } else if (errno != EINTR) {
      return Progress::ended;  // ECONNRESET: it died with something unread
    }
  }
  return Progress::done;
}

// Room for all of it at once, which the kernel fills with memory as the bytes come.
Progress FrameReader::start_body() {
  if (head_.magic != FrameHead::kMagic || head_.size > kLargestFrame ||
      head_.beside > kLargestFrame) {
    return Progress::broken;
  }
  beside_left_ = head_.beside;
  if (head_.size <= body_room_) return Progress::done;
  body_room_ = std::max<std::size_t>(head_.size, kKeptRoom);
  body_.reset(new (std::nothrow) char[body_room_]);
  if (body_) return Progress::done;
  body_room_ = 0;
  return Progress::broken;
}

Progress FrameReader::read(int fd) {
  if (whole_) {
    whole_ = false;
    head_received_ = body_received_ = 0;
    block_ = block_received_ = 0;
    if (body_room_ > kKeptRoom) {
      body_.reset();
      body_room_ = 0;
    }
  }
  if (head_received_ < sizeof head_) {
    Progress progress = receive(fd, reinterpret_cast<char*>(&head_), sizeof head_, head_received_);
    if (progress == Progress::done) progress = start_body();
    if (progress != Progress::done) return progress;
  }
  const Progress progress = receive(fd, body_.get(), head_.size, body_received_);
  whole_ = progress == Progress::done;
  return progress;
}

Progress FrameReader::read_blocks(int fd, BlocksToRead& blocks) {
  for (std::size_t taken = 0; block_ < blocks.size();) {
    if (taken >= kMostAtOnce) return Progress::more;
    const BlockToRead& block = blocks[block_];
    const std::size_t before = block_received_;
    const std::size_t now = std::min(block.size, before + (kMostAtOnce - taken));
    if (now - before > beside_left_) return Progress::broken;
    const Progress progress = receive(fd, block.data, now, block_received_);
    taken += block_received_ - before;
    beside_left_ -= block_received_ - before;
    if (progress != Progress::done) return progress;
    if (block_received_ < block.size) continue;
    ++block_;
    block_received_ = 0;
  }
  blocks.clear();
  block_ = 0;
  return Progress::done;
}

Progress FrameReader::skip_blocks(int fd) {
  std::array<char, 4096> scratch;
  while (beside_left_ > 0) {
    std::size_t received = 0;
    const std::size_t size = std::min<std::uint64_t>(scratch.size(), beside_left_);
    const Progress progress = receive(fd, scratch.data(), size, received);
    beside_left_ -= received;
    if (progress != Progress::done) return progress;
  }
  return Progress::done;
}

// --- writing ------------------------------------------------------------------------------------

void FrameWriter::start(FrameHead head, std::string_view body,
                        const BlocksToSend& blocks) noexcept {
  head_ = head;
  head_.size = body.size();
  head_.beside = 0;
  for (const BlockToSend& block : blocks) head_.beside += block.size;
  part_ = sent_ = 0;
}

std::string_view FrameWriter::part(std::size_t place, std::string_view body,
                                   const BlocksToSend& blocks) const noexcept {
  if (place == 0) return {reinterpret_cast<const char*>(&head_), sizeof head_};
  if (place == 1) return body;
  return {blocks[place - 2].data, blocks[place - 2].size};
}

Progress FrameWriter::write(int fd, std::string_view body, const BlocksToSend& blocks) {
  const std::size_t count = 2 + blocks.size();
  while (part_ < count) {
    std::array<iovec, 16> parts{};
    std::size_t used = 0;
    for (std::size_t place = part_; place < count && used < parts.size(); ++place) {
      std::string_view bytes = part(place, body, blocks);
      if (place == part_) bytes.remove_prefix(sent_);
      parts[used++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = used;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return Progress::more;
    if (sent < 0 && errno != EINTR) return Progress::ended;
    sent_ += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    while (part_ < count && sent_ >= part(part_, body, blocks).size()) {
      sent_ -= part(part_++, body, blocks).size();
    }
  }
  return Progress::done;
}

}  // namespace asyncio::detail
