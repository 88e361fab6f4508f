// Whether a text is JSON, for tests of what we print. Knows nothing but the grammar.
#pragma once

#include <cctype>
#include <string_view>

namespace asyncio::test {

class JsonCheck {
 public:
  /// One value with blanks around it, and nothing else.
  static bool valid(std::string_view text) {
    JsonCheck check(text);
    return check.value() && check.blanks() && check.text_.empty();
  }

 private:
  explicit JsonCheck(std::string_view text) : text_(text) {}

  bool blanks() {
    while (!text_.empty() && std::string_view(" \t\r\n").find(text_.front()) != text_.npos) {
      text_.remove_prefix(1);
    }
    return true;
  }
  bool take(std::string_view expected) {
    blanks();
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool value() {
    if (take("{")) return members("}", true);
    if (take("[")) return members("]", false);
    if (take("\"")) return string();
    return take("null") || take("true") || take("false") || number();
  }
  bool members(std::string_view end, bool named) {
    if (take(end)) return true;
    do {
      if (named && !(take("\"") && string() && take(":"))) return false;
      if (!value()) return false;
    } while (take(","));
    return take(end);
  }
  bool string() {
    while (!text_.empty() && text_.front() != '"') {
      if (static_cast<unsigned char>(text_.front()) < 0x20) return false;
      if (text_.front() == '\\') text_.remove_prefix(1);
      if (!text_.empty()) text_.remove_prefix(1);
    }
    return take("\"");
  }
  bool number() {
    const std::size_t before = text_.size();
    while (!text_.empty() && (std::isdigit(static_cast<unsigned char>(text_.front())) != 0 ||
                              std::string_view("+-.eE").find(text_.front()) != text_.npos)) {
      text_.remove_prefix(1);
    }
    return text_.size() < before;
  }

  std::string_view text_;
};

}  // namespace asyncio::test
