#include "conformance/program.hpp"

#include <cctype>

#include "asyncio/base/error.hpp"

namespace asyncio::conformance {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Node whole() {
    skip_space();
    Node node = list();
    skip_space();
    if (at_ != text_.size()) throw ValueError("text after the program");
    return node;
  }

 private:
  Node list() {
    if (next() != '(') throw ValueError("'(' expected in a program");
    Node node;
    node.operation = word();
    // main, do, on, fin and new have no id.
    const bool has_id = node.operation != "new";
    for (bool first = true;; first = false) {
      skip_space();
      if (peek() == ')') {
        ++at_;
        return node;
      }
      if (peek() == '(') {
        node.children.push_back(list());
      } else if (std::string text = word(); first && has_id) {
        node.id = std::stoi(text);
      } else {
        node.arguments.push_back(std::move(text));
      }
    }
  }

  std::string word() {
    skip_space();
    const auto end = text_.find_first_of(" ()\n", at_);
    if (end == at_ || end == std::string_view::npos) throw ValueError("a word expected");
    std::string text(text_.substr(at_, end - at_));
    at_ = end;
    return text;
  }
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  [[nodiscard]] char peek() const {
    if (at_ >= text_.size()) throw ValueError("a program without its end");
    return text_[at_];
  }
  char next() {
    const char c = peek();
    ++at_;
    return c;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Node parse(std::string_view text) { return Parser(text).whole(); }

}  // namespace asyncio::conformance
