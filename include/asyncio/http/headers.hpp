// The fields of an HTTP message: an ordered multimap whose names ignore case.
//
// All names and values live in one buffer, so a response with twelve fields costs two allocations.
// Whatever is added by name is checked: a value with CR, LF, NUL or another control byte is
// refused, so that no value can split a message or smuggle in a field. Source: RFC 9110 section 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio::http {

/// One field as a pair of views into its Headers; any change of the Headers ends them.
struct Header {
  std::string_view name;
  std::string_view value;

  friend bool operator==(const Header&, const Header&) = default;
};

/// Fields in the order in which they were added. Python: multidict.CIMultiDict.
class Headers {
 public:
  class const_iterator;
  using value_type = Header;

  Headers() = default;
  /// Errors: ValueError, as add().
  Headers(std::initializer_list<Header> fields);

  /// The value of the first field of that name, or nullopt. The view ends with the next change.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// The value of the first field of that name, or `fallback`.
  [[nodiscard]] std::string_view get(std::string_view name,
                                     std::string_view fallback) const noexcept;
  /// The values of all fields of that name, in order. Python: getall.
  [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;
  /// How many fields have that name.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;

  /// Whether a comma-separated list in any field of that name holds `token`; case does not matter,
  /// parameters (";q=1") are not looked at. For Connection, Transfer-Encoding, Upgrade ...
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;

  /// Appends a field. Spaces around the value are dropped.
  /// Errors: ValueError that names the field when name or value may not stand in a message; nothing
  /// is changed then.
  void add(std::string_view name, std::string_view value);
  /// Replaces every field of that name by one, at the place of the first. Errors: as add().
  void set(std::string_view name, std::string_view value);
  /// Removes every field of that name; says how many there were. Python: popall.
  std::size_t remove(std::string_view name) noexcept;
  void clear() noexcept;

  /// Adds the fields of `other` whose names are not here yet: session defaults under a request's
  /// own.
  void add_missing(const Headers& other);

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  /// Of the text of all fields, and of what is left of removed ones: for reserve().
  [[nodiscard]] std::size_t bytes() const noexcept { return text_.size(); }
  [[nodiscard]] Header operator[](std::size_t index) const noexcept;
  [[nodiscard]] const_iterator begin() const noexcept;
  [[nodiscard]] const_iterator end() const noexcept;

  /// Makes room for `fields` fields of `bytes` bytes in all.
  void reserve(std::size_t fields, std::size_t bytes);
  /// Appends what a parser has already checked. The writer checks such fields again before they are
  /// sent: see unchecked().
  void append_unchecked(std::string_view name, std::string_view value);
  /// For a parser: empties, and takes a copy of a whole head. append_from() then only notes where
  /// in it a field lies; `name` and `value` are views of `head`, or of anything else.
  void adopt(std::string_view head);
  void append_from(std::string_view head, std::string_view name, std::string_view value);
  /// True when a field was added by append_unchecked() or append_from().
  [[nodiscard]] bool unchecked() const noexcept { return unchecked_; }

  /// Same names (ignoring case) and values in the same order.
  friend bool operator==(const Headers& left, const Headers& right) noexcept;

 private:
  struct Field {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
  };
  [[nodiscard]] std::size_t find(std::string_view name, std::size_t from) const noexcept;

  std::string text_;
  std::vector<Field> fields_;
  bool unchecked_ = false;
};

class Headers::const_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Header;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Header;

  const_iterator() = default;
  Header operator*() const noexcept { return (*headers_)[index_]; }
  const_iterator& operator++() noexcept {
    ++index_;
    return *this;
  }
  const_iterator operator++(int) noexcept {
    const_iterator before = *this;
    ++index_;
    return before;
  }
  friend bool operator==(const const_iterator&, const const_iterator&) = default;

 private:
  friend class Headers;
  const_iterator(const Headers* headers, std::size_t index) : headers_(headers), index_(index) {}

  const Headers* headers_ = nullptr;
  std::size_t index_ = 0;
};

inline Headers::const_iterator Headers::begin() const noexcept { return {this, 0}; }
inline Headers::const_iterator Headers::end() const noexcept { return {this, fields_.size()}; }
inline Header Headers::operator[](std::size_t index) const noexcept {
  const Field& field = fields_[index];
  const std::string_view text = text_;
  return {text.substr(field.name_at, field.name_size),
          text.substr(field.value_at, field.value_size)};
}

/// Whether two names are the same, ignoring the case of ASCII letters.
[[nodiscard]] bool same_name(std::string_view left, std::string_view right) noexcept;
/// Whether `text` is a token of RFC 9110 5.6.2: the alphabet of methods and field names.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// Whether `value` may stand in a field: no control byte but tab.
[[nodiscard]] bool is_field_value(std::string_view value) noexcept;
/// Throws ValueError, naming the field, unless both may stand in a message.
void check_field(std::string_view name, std::string_view value);
/// `text` with control and non-ASCII bytes as "\r", "\x01" ..., cut to `limit` bytes of input: for
/// messages and logs.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 60);

}  // namespace asyncio::http
