// A range over something that gives one item after the other.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace asyncio::detail {

/// Base of Source, whose `next()` gives std::optional<T>: lets it stand in a range-for. One pass.
template <class Source, class T>
class PullRange {
 public:
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    explicit iterator(Source* source) : source_(source), item_(source->next()) {}

    T& operator*() const { return *item_; }
    iterator& operator++() {
      item_ = source_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !item_.has_value(); }

   private:
    Source* source_ = nullptr;
    mutable std::optional<T> item_;
  };

  iterator begin() { return iterator(static_cast<Source*>(this)); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
};

}  // namespace asyncio::detail
