#include "asyncio/http/headers.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "asyncio/base/error.hpp"
#include "http/chars.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kNotFound = std::string_view::npos;

bool points_into(std::string_view part, const std::string& text) {
  const std::less<> before;  // defined for unrelated pointers, unlike <
  return !part.empty() && !before(part.data(), text.data()) &&
         before(part.data(), text.data() + text.size());
}

}  // namespace

bool same_name(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] != right[i] && chars::lower(left[i]) != chars::lower(right[i])) return false;
  }
  return true;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && chars::all(text, chars::kToken);
}

bool is_field_value(std::string_view value) noexcept {
  return chars::all(value, chars::kFieldValue);
}

std::string printable(std::string_view text, std::size_t limit) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 32 || byte > 126) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  if (text.size() > limit) out += "...";
  return out;
}

void check_field(std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    throw ValueError(name.empty() ? "header name is empty"
                                  : "header name \"" + printable(name) +
                                        "\" holds a byte other than "
                                        "letters, digits and !#$%&'*+-.^_`|~");
  }
  if (const std::size_t bad = chars::find_not(value, chars::kFieldValue); bad != kNotFound) {
    throw ValueError("header " + std::string(name) + ": its value has a control byte (" +
                     printable(value.substr(bad, 1)) + ") at position " + std::to_string(bad) +
                     "; a line break there would start another header");
  }
}

Headers::Headers(std::initializer_list<Header> fields) {
  for (const Header& field : fields) add(field.name, field.value);
}

std::size_t Headers::find(std::string_view name, std::size_t from) const noexcept {
  for (std::size_t i = from; i < fields_.size(); ++i) {
    const Field& field = fields_[i];
    if (field.name_size == name.size() && same_name((*this)[i].name, name)) return i;
  }
  return kNotFound;
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  const std::size_t at = find(name, 0);
  if (at == kNotFound) return std::nullopt;
  return (*this)[at].value;
}

std::string_view Headers::get(std::string_view name, std::string_view fallback) const noexcept {
  const std::size_t at = find(name, 0);
  return at == kNotFound ? fallback : (*this)[at].value;
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (std::size_t at = find(name, 0); at != kNotFound; at = find(name, at + 1)) {
    values.push_back((*this)[at].value);
  }
  return values;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  std::size_t found = 0;
  for (std::size_t at = find(name, 0); at != kNotFound; at = find(name, at + 1)) ++found;
  return found;
}

bool Headers::contains(std::string_view name) const noexcept { return find(name, 0) != kNotFound; }

bool Headers::has_token(std::string_view name, std::string_view token) const noexcept {
  bool found = false;
  for (std::size_t at = find(name, 0); at != kNotFound && !found; at = find(name, at + 1)) {
    chars::for_each_item((*this)[at].value, [&](std::string_view item) {
      found = same_name(chars::trim(item.substr(0, item.find(';'))), token);
      return !found;
    });
  }
  return found;
}

void Headers::add(std::string_view name, std::string_view value) {
  check_field(name, value);
  const bool unchecked = unchecked_;
  append_unchecked(name, chars::trim(value));
  unchecked_ = unchecked;
}

void Headers::set(std::string_view name, std::string_view value) {
  const std::size_t at = find(name, 0);
  if (at == kNotFound) return add(name, value);
  // A new text drops what earlier set() and remove() left behind, and `name` and `value` may point
  // into the old one.
  Headers changed;
  changed.reserve(fields_.size(), text_.size() + value.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Header field = (*this)[i];
    if (i == at) {
      changed.add(name, value);
    } else if (!same_name(field.name, name)) {
      changed.append_unchecked(field.name, field.value);
    }
  }
  changed.unchecked_ = unchecked_;
  *this = std::move(changed);
}

std::size_t Headers::remove(std::string_view name) noexcept {
  // The text stays: views of other fields remain good, and set() cleans up.
  const std::size_t before = fields_.size();
  const std::string_view text = text_;
  std::erase_if(fields_, [&](const Field& field) {
    return same_name(text.substr(field.name_at, field.name_size), name);
  });
  return before - fields_.size();
}

void Headers::clear() noexcept {
  text_.clear();
  fields_.clear();
  unchecked_ = false;
}

void Headers::add_missing(const Headers& other) {
  if (this == &other) return;
  const std::size_t own = fields_.size();
  const bool unchecked = unchecked_ || other.unchecked_;
  for (const Header field : other) {
    const std::size_t at = find(field.name, 0);
    if (at == kNotFound || at >= own) append_unchecked(field.name, field.value);
  }
  unchecked_ = unchecked;
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
  fields_.reserve(fields);
  text_.reserve(bytes);
}

void Headers::append_unchecked(std::string_view name, std::string_view value) {
  if (points_into(name, text_) || points_into(value, text_)) {
    return append_unchecked(std::string(name), std::string(value));
  }
  if (name.size() + value.size() > std::numeric_limits<std::uint32_t>::max() - text_.size()) {
    throw ValueError("headers: more than 4 GB");
  }
  const auto name_at = static_cast<std::uint32_t>(text_.size());
  const auto name_size = static_cast<std::uint32_t>(name.size());
  fields_.push_back(
      {name_at, name_size, name_at + name_size, static_cast<std::uint32_t>(value.size())});
  text_.append(name);
  text_.append(value);
  unchecked_ = true;
}

void Headers::adopt(std::string_view head) {
  fields_.clear();
  text_ = head;
  unchecked_ = false;
}

void Headers::append_from(std::string_view head, std::string_view name, std::string_view value) {
  const auto lies_in_head = [head](std::string_view part) {
    const std::less<> before;  // defined for unrelated pointers, unlike <
    return !before(part.data(), head.data()) &&
           !before(head.data() + head.size(), part.data() + part.size());
  };
  const bool noted = lies_in_head(name) && lies_in_head(value) &&
                     head.size() <= std::numeric_limits<std::uint32_t>::max();
  if (!noted) return append_unchecked(name, value);
  fields_.push_back({static_cast<std::uint32_t>(name.data() - head.data()),
                     static_cast<std::uint32_t>(name.size()),
                     static_cast<std::uint32_t>(value.data() - head.data()),
                     static_cast<std::uint32_t>(value.size())});
  unchecked_ = true;
}

bool operator==(const Headers& left, const Headers& right) noexcept {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const Header& a, const Header& b) {
                      return same_name(a.name, b.name) && a.value == b.value;
                    });
}

}  // namespace asyncio::http
