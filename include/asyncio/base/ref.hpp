// A pointer that counts.
#pragma once

#include <utility>

namespace asyncio::base {

/// A counted pointer to a block, which has add_reference() and drop_reference().
template <class Block>
class Ref {
 public:
  Ref() = default;
  /// Takes over the reference that `block` was made with.
  static Ref adopt(Block* block) noexcept {
    Ref ref;
    ref.block_ = block;
    return ref;
  }
  explicit Ref(Block* block) noexcept : block_(block) {
    if (block_ != nullptr) block_->add_reference();
  }
  Ref(const Ref& other) noexcept : Ref(other.block_) {}
  Ref(Ref&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Ref() {
    if (block_ != nullptr) block_->drop_reference();
  }

  [[nodiscard]] Block* get() const noexcept { return block_; }
  Block* operator->() const noexcept { return block_; }
  Block& operator*() const noexcept { return *block_; }
  explicit operator bool() const noexcept { return block_ != nullptr; }
  Block* release() noexcept { return std::exchange(block_, nullptr); }

 private:
  Block* block_ = nullptr;
};

}  // namespace asyncio::base
