#include "concurrent/frames.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace asyncio::detail {
namespace {

// So much is made room for before its bytes are there; a broken size then costs no more.
constexpr std::size_t kFirstRoom = std::size_t{1} << 20;

}  // namespace

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

Progress FrameReader::start_body() {
  if (head_.magic != FrameHead::kMagic || head_.size > kLargestFrame) return Progress::broken;
  body_.resize(std::min<std::size_t>(head_.size, kFirstRoom));
  return Progress::done;
}

Progress FrameReader::read(int fd) {
  if (whole_) {
    whole_ = false;
    head_received_ = body_received_ = 0;
    if (body_.capacity() > kFirstRoom) body_ = std::string();
  }
  if (head_received_ < sizeof head_) {
    Progress progress = receive(fd, reinterpret_cast<char*>(&head_), sizeof head_, head_received_);
    if (progress == Progress::done) progress = start_body();
    if (progress != Progress::done) return progress;
  }
  for (;;) {
    const Progress progress = receive(fd, body_.data(), body_.size(), body_received_);
    if (progress != Progress::done) return progress;
    if (body_.size() == head_.size) break;
    body_.resize(std::min<std::size_t>(head_.size, 2 * body_.size()));
  }
  whole_ = true;
  return Progress::done;
}

Progress FrameWriter::write(int fd, std::string_view body) {
  const std::size_t total = sizeof head_ + body.size();
  while (sent_ < total) {
    std::array<iovec, 2> parts{};
    std::size_t count = 0;
    if (sent_ < sizeof head_) {
      parts[count++] = {reinterpret_cast<char*>(&head_) + sent_, sizeof head_ - sent_};
    }
    const std::string_view rest = body.substr(sent_ - std::min(sent_, sizeof head_));
    if (!rest.empty()) parts[count++] = {const_cast<char*>(rest.data()), rest.size()};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_ += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      return Progress::more;
    } else if (errno != EINTR) {
      return Progress::ended;
    }
  }
  return Progress::done;
}

}  // namespace asyncio::detail
