#include "asyncio/base/repr.hpp"

#include <charconv>

#include "asyncio/base/error.hpp"

namespace asyncio::base {

std::string repr_of_text(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  constexpr std::size_t kEnds = 28;
  if (text.size() <= kLongest) return "'" + std::string(text) + "'";
  return "'" + std::string(text.substr(0, kEnds)) + "..." +
         std::string(text.substr(text.size() - kEnds)) + "'";
}

std::string repr_of_number(double number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  std::string text(digits, end);
  const bool plain = text.find_first_not_of("-0123456789") == std::string::npos;
  return plain ? text + ".0" : text;
}

std::string repr_of_number(long long number) { return std::to_string(number); }
std::string repr_of_number(unsigned long long number) { return std::to_string(number); }

std::string repr_of_object(const std::type_info& type) {
  return "<" + type_name(type) + " object>";
}

// "main()::$_0" is what clang makes of a lambda, "main()::{lambda()#1}" what g++ does.
std::string callable_name(const std::type_info& type) {
  std::string name = type_name(type);
  for (const std::string_view sign : {"::$_", "::'lambda", "::{lambda"}) {
    if (const auto at = name.rfind(sign); at != std::string::npos) {
      name = name.substr(0, at) + "::<lambda>";
      break;
    }
  }
  constexpr std::string_view kHidden = "(anonymous namespace)::";
  for (auto at = name.find(kHidden); at != std::string::npos; at = name.find(kHidden)) {
    name.erase(at, kHidden.size());
  }
  return name;
}

}  // namespace asyncio::base
