// What a pool and a worker say to each other: frames of a head and bytes, over a stream socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::detail {

enum class FrameKind : std::uint32_t {
  call,                ///< to the worker: `entry` and the request
  result,              ///< to the pool: the answer
  error,               ///< to the pool: an exception, remote_error.hpp
  initializer_failed,  ///< to the pool, and the worker's last: a text
};

struct FrameHead {
  static constexpr std::uint32_t kMagic = 0x6f69'7361;  // a stray write would hardly hit it
  std::uint32_t magic = kMagic;
  FrameKind kind = FrameKind::call;
  std::uint64_t size = 0;
  std::uint64_t entry = 0;     ///< of a call
  std::uint64_t function = 0;  ///< of a call
};

/// Nothing that anybody sends is larger: a head that says so is broken.
inline constexpr std::uint64_t kLargestFrame = std::uint64_t{1} << 40;

enum class Progress : unsigned char { done, more, ended, broken };

/// Takes frames out of a stream as they come.
class FrameReader {
 public:
  /// done: head() and body() are a whole frame, until the next call. more: nothing is left to read
  /// for now. ended: the other side has closed, maybe within a frame; broken: that is no frame.
  Progress read(int fd);
  [[nodiscard]] const FrameHead& head() const noexcept { return head_; }
  [[nodiscard]] std::string& body() noexcept { return body_; }

 private:
  Progress receive(int fd, char* to, std::size_t size, std::size_t& received);
  Progress start_body();

  FrameHead head_;
  std::size_t head_received_ = 0;
  std::string body_;
  std::size_t body_received_ = 0;
  bool whole_ = false;
};

/// Sends a frame in as many pieces as it takes.
class FrameWriter {
 public:
  void start(FrameHead head) noexcept {
    head_ = head;
    sent_ = 0;
  }
  /// done, more (nothing more can be sent for now) or ended (nobody reads). `body` has head.size
  /// bytes, the same at every call for a frame.
  Progress write(int fd, std::string_view body);

 private:
  FrameHead head_;
  std::size_t sent_ = 0;  // of head and body together
};

}  // namespace asyncio::detail
