#include "asyncio/streams/reader.hpp"

#include <algorithm>
#include <cstring>

namespace asyncio {

IncompleteReadError::IncompleteReadError(std::string partial_data,
                                         std::optional<std::size_t> expected_size)
    : EOFError(std::to_string(partial_data.size()) + " bytes read on a total of " +
               (expected_size ? std::to_string(*expected_size) : "undefined") + " expected bytes"),
      partial(std::move(partial_data)),
      expected(expected_size) {}

StreamReader::StreamReader(std::size_t limit) {
  if (limit == 0) throw ValueError("Limit cannot be <= 0");
  side_ = detail::Ref<detail::ReadSide>(new detail::ReadSide(limit));
}

detail::ReadUntil StreamReader::readuntil(std::string_view separator) {
  if (separator.empty()) throw ValueError("Separator should be at least one-byte string");
  return {*side_, "readuntil", separator};
}

detail::ReadUntil StreamReader::readuntil_any(std::vector<std::string> separators) {
  const bool has_empty = std::any_of(separators.begin(), separators.end(),
                                     [](const std::string& one) { return one.empty(); });
  if (has_empty) throw ValueError("Separator should be at least one-byte string");
  return {*side_, "readuntil", std::move(separators)};
}

namespace detail {

bool Read::take() {
  const std::size_t there = side().view().size();
  if (count_ < 0) {
    if (!side().at_end()) return false;
    result_ = side().take(there);
    return true;
  }
  if (count_ == 0) return true;
  if (there == 0) return side().at_end();
  result_ = side().take(std::min(there, static_cast<std::size_t>(count_)));
  return true;
}

bool ReadInto::take() {
  const std::string_view data = side().view();
  if (data.empty()) return buffer_.empty() || side().at_end();
  count_ = std::min(data.size(), buffer_.size());
  std::memcpy(buffer_.data(), data.data(), count_);
  side().consume(count_);
  return true;
}

bool ReadExactly::take() {
  const std::size_t there = side().view().size();
  if (there >= count_) {
    result_ = side().take(count_);
    return true;
  }
  if (!side().at_end()) return false;
  return fail(std::make_exception_ptr(IncompleteReadError(side().take(there), count_)));
}

// The separator that ends first wins, also when another one begins before it.
ReadUntilBase::Match ReadUntilBase::find(std::string_view data) const noexcept {
  Match best;
  const auto look_for = [&](const std::string& one) {
    const std::size_t at = data.find(one, searched_);
    if (at == std::string_view::npos || at + one.size() >= best.end) return;
    best = {at, at + one.size()};
  };
  look_for(separator_);
  for (const std::string& one : others_) look_for(one);
  return best;
}

bool ReadUntilBase::take() {
  const std::string_view data = side().view();
  const Match match = find(data);
  if (match.end != std::string_view::npos) {
    if (match.start > side().limit()) {
      return overrun("Separator is found, but chunk is longer than limit", match.start);
    }
    result_ = side().take(match.end);
    return true;
  }
  // The last bytes may be the beginning of a separator.
  std::size_t longest = separator_.size();
  for (const std::string& one : others_) longest = std::max(longest, one.size());
  searched_ = data.size() + 1 > longest ? data.size() + 1 - longest : 0;
  if (searched_ > side().limit()) {
    return overrun("Separator is not found, and chunk exceed the limit", searched_);
  }
  return side().at_end() && ended();
}

bool ReadUntilBase::overrun(const char* message, std::size_t consumed) {
  return fail(std::make_exception_ptr(LimitOverrunError(message, consumed)));
}

bool ReadUntilBase::ended() {
  return fail(std::make_exception_ptr(IncompleteReadError(side().take(side().view().size()), {})));
}

bool ReadLine::overrun(const char* message, std::size_t consumed) {
  // Past the line when its end is here; else all there is, and the rest comes as a line of its own.
  const bool whole = side().view().substr(consumed).starts_with('\n');
  side().consume(whole ? consumed + 1 : side().view().size());
  return fail(std::make_exception_ptr(ValueError(message)));
}

bool ReadLine::ended() {
  result_ = side().take(side().view().size());
  return true;
}

}  // namespace detail
}  // namespace asyncio
