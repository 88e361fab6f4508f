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

// As CPython's, but for the future that a read waits for there: no read has one here.
std::string StreamReader::repr() const {
  std::string text = "<StreamReader";
  if (!buffered().empty()) text += " " + std::to_string(buffered().size()) + " bytes";
  if (side_->at_end()) text += " eof";
  if (side_->limit() != kStreamLimit) text += " limit=" + std::to_string(side_->limit());
  if (side_->has_waiter()) text += " waiting";
  if (exception()) text += " exception=" + base::summary(exception());
  const std::string source = side_->source_repr();
  if (!source.empty()) text += " transport=" + source;
  return text + ">";
}

detail::ReadUntil StreamReader::readuntil(std::string_view separator) {
  if (separator.empty()) throw ValueError("Separator should be at least one-byte string");
  return {*side_, separator};
}

detail::ReadUntil StreamReader::readuntil_any(std::vector<std::string> separators) {
  const bool has_empty = std::any_of(separators.begin(), separators.end(),
                                     [](const std::string& one) { return one.empty(); });
  if (has_empty) throw ValueError("Separator should be at least one-byte string");
  return {*side_, std::move(separators)};
}

namespace detail {

bool Read::find() {
  const std::size_t there = side().view().size();
  if (count_ < 0) {
    found_ = there;
    return side().at_end();
  }
  found_ = std::min(there, static_cast<std::size_t>(count_));
  return found_ > 0 || count_ == 0 || side().at_end();
}

std::size_t ReadInto::await_resume() {
  check();
  const std::string_view data = side().view().substr(0, buffer_.size());
  if (!data.empty()) std::memcpy(buffer_.data(), data.data(), data.size());
  const std::size_t count = data.size();
  side().consume(count);
  return count;
}

bool ReadExactly::find() {
  const std::size_t there = side().view().size();
  if (there >= count_) return true;
  if (!side().at_end()) return false;
  return fail(std::make_exception_ptr(IncompleteReadError(side().take(there), count_)));
}

bool ReadUntilBase::find() {
  const std::string_view data = side().view();
  const Match match = search(data, searched_);
  if (match.end != std::string_view::npos) {
    if (match.start > side().limit()) {
      return overrun("Separator is found, but chunk is longer than limit", match.start);
    }
    found_ = match.end;
    return true;
  }
  // The last bytes may be the beginning of a separator.
  const std::size_t longest = longest_separator();
  searched_ = data.size() + 1 > longest ? data.size() + 1 - longest : 0;
  if (searched_ > side().limit()) {
    return overrun("Separator is not found, and chunk exceed the limit", searched_);
  }
  return side().at_end() && ended();
}

ReadUntil::Match ReadUntil::search(std::string_view data, std::size_t from) const noexcept {
  Match best;
  const auto look_for = [&](const std::string& one) {
    const std::size_t at = data.find(one, from);
    if (at == std::string_view::npos || at + one.size() >= best.end) return;
    best = {at, at + one.size()};
  };
  look_for(separator_);
  for (const std::string& one : others_) look_for(one);
  return best;
}

std::size_t ReadUntil::longest_separator() const noexcept {
  std::size_t longest = separator_.size();
  for (const std::string& one : others_) longest = std::max(longest, one.size());
  return longest;
}

bool ReadUntil::overrun(const char* message, std::size_t consumed) {
  return fail(std::make_exception_ptr(LimitOverrunError(message, consumed)));
}

bool ReadUntil::ended() {
  return fail(std::make_exception_ptr(IncompleteReadError(side().take(side().view().size()), {})));
}

ReadLineBase::Match ReadLineBase::search(std::string_view data, std::size_t from) const noexcept {
  const std::size_t at = data.find('\n', from);
  return at == std::string_view::npos ? Match() : Match{at, at + 1};
}

bool ReadLineBase::overrun(const char* message, std::size_t consumed) {
  // Past the line when its end is here; else all there is, and the rest comes as a line of its own.
  const bool whole = side().view().substr(consumed).starts_with('\n');
  side().consume(whole ? consumed + 1 : side().view().size());
  return fail(std::make_exception_ptr(ValueError(message)));
}

bool ReadLineBase::ended() {
  found_ = side().view().size();
  return true;
}

}  // namespace detail
}  // namespace asyncio
