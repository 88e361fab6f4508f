#include <algorithm>
#include <cctype>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

class Blanker {
 public:
  explicit Blanker(std::string text) : text_(std::move(text)) {}

  std::string blank() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        erase_to(text_.find('\n', at_));
      } else if (starts("/*")) {
        erase_past("*/", at_ + 2);
      } else if (starts("R\"")) {
        const std::size_t open = text_.find('(', at_);
        erase_past(")" + text_.substr(at_ + 2, open - at_ - 2) + "\"", open);
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !is_digit_separator())) {
        erase_literal();
      } else if (text_[at_] == '#' && is_first_on_line()) {
        erase_directive();
      } else {
        ++at_;
      }
    }
    return std::move(text_);
  }

 private:
  bool starts(std::string_view what) const { return text_.compare(at_, what.size(), what) == 0; }
  bool is_digit_separator() const {
    return at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1]));
  }
  bool is_first_on_line() const {
    const std::size_t before = text_.find_last_not_of(' ', at_ == 0 ? 0 : at_ - 1);
    return at_ == 0 || before == std::string::npos || text_[before] == '\n';
  }
  void erase_to(std::size_t end) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }
  void erase_past(const std::string& closing, std::size_t from) {
    const std::size_t end = text_.find(closing, from);
    erase_to(end == std::string::npos ? end : end + closing.size());
  }
  void erase_literal() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != text_[at_]) end += text_[end] == '\\' ? 2 : 1;
    erase_to(end + 1);
  }
  void erase_directive() {
    std::size_t end = text_.find('\n', at_);
    while (end != std::string::npos && text_[end - 1] == '\\') end = text_.find('\n', end + 1);
    erase_to(end);
  }

  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string blank(std::string source) { return Blanker(std::move(source)).blank(); }

}  // namespace tidy
