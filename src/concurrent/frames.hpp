// What a pool and a worker say to each other: frames of a head and a body, over a stream socket,
// and the blocks that travel beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "asyncio/concurrent/blocks.hpp"

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
  std::uint64_t size = 0;      ///< of the body
  std::uint64_t beside = 0;    ///< bytes in blocks after it
  std::uint64_t entry = 0;     ///< of a call
  std::uint64_t function = 0;  ///< of a call
};

/// Nothing that anybody sends is larger: a head that says so is broken.
inline constexpr std::uint64_t kLargestFrame = std::uint64_t{1} << 40;

enum class Progress : unsigned char { done, more, ended, broken };

/// Takes frames out of a stream as they come.
class FrameReader {
 public:
  /// done: head() and body() are whole, until the next call. more: nothing is left to read for now,
  /// or others should have their turn. ended: the other side has closed, maybe within a frame;
  /// broken: that is no frame, or there is no memory for it.
  Progress read(int fd);
  /// Then the blocks, those of `blocks` first to last; done: they are full, and it is empty.
  Progress read_blocks(int fd, BlocksToRead& blocks);
  /// What is left of the blocks, which nobody wants.
  Progress skip_blocks(int fd);
  [[nodiscard]] const FrameHead& head() const noexcept { return head_; }
  [[nodiscard]] std::string_view body() const noexcept { return {body_.get(), head_.size}; }

 private:
  Progress receive(int fd, char* to, std::size_t size, std::size_t& received);
  Progress start_body();

  FrameHead head_;
  std::size_t head_received_ = 0;
  std::unique_ptr<char[]> body_;
  std::size_t body_room_ = 0;
  std::size_t body_received_ = 0;
  bool whole_ = false;
  std::uint64_t beside_left_ = 0;
  std::size_t block_ = 0;  // the first that is not full
  std::size_t block_received_ = 0;
};

/// Sends a frame in as many pieces as it takes.
class FrameWriter {
 public:
  /// The sizes are filled in.
  void start(FrameHead head, std::string_view body, const BlocksToSend& blocks) noexcept;
  /// done, more (nothing more can be sent for now) or ended (nobody reads). `body` and `blocks` are
  /// those of start().
  Progress write(int fd, std::string_view body, const BlocksToSend& blocks);

 private:
  [[nodiscard]] std::string_view part(std::size_t place, std::string_view body,
                                      const BlocksToSend& blocks) const noexcept;

  FrameHead head_;
  std::size_t part_ = 0;  // head, body, blocks: the first that is not sent
  std::size_t sent_ = 0;  // of it
};

}  // namespace asyncio::detail
