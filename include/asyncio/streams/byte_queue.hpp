// Bytes that wait: in at the back, out at the front.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// One pointer while it is empty, because most connections have nothing that waits, most of the
/// time, in either direction.
class ByteQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return rep_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return view().size(); }
  /// Valid until the next change.
  [[nodiscard]] std::string_view view() const noexcept {
    return rep_ ? std::string_view(rep_->bytes).substr(rep_->begin) : std::string_view();
  }

  void append(std::string_view data) {
    if (data.empty()) return;
    if (!rep_) rep_ = std::make_unique<Rep>();
    rep_->bytes.append(data);
  }

  /// Takes the first `count` away. Empty, it lets go of its memory.
  void consume(std::size_t count) noexcept {
    if (count >= size()) return rep_.reset();
    rep_->begin += count;
    // Moving the rest to the front is worth it only once most of the buffer is behind us.
    if (rep_->begin > rep_->bytes.size() / 2) {
      rep_->bytes.erase(0, rep_->begin);
      rep_->begin = 0;
    }
  }

  /// consume() that gives the bytes; all of them without a copy.
  std::string take(std::size_t count) {
    std::string out;
    if (rep_ && rep_->begin == 0 && count >= rep_->bytes.size()) {
      out = std::move(rep_->bytes);
      rep_.reset();
    } else {
      out = view().substr(0, count);
      consume(count);
    }
    return out;
  }

  void clear() noexcept { rep_.reset(); }

 private:
  struct Rep {
    std::string bytes;
    std::size_t begin = 0;
  };
  std::unique_ptr<Rep> rep_;
};

}  // namespace asyncio::detail
