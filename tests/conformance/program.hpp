// The tree of a random program, as programs.py writes it: (OPERATION ID ARGUMENT... CHILD...).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::conformance {

struct Node {
  std::string operation;
  int id = 0;
  std::vector<std::string> arguments;  ///< all words after the id
  std::vector<Node> children;

  [[nodiscard]] int number(std::size_t index) const { return std::stoi(arguments.at(index)); }
  [[nodiscard]] const std::string& word(std::size_t index) const { return arguments.at(index); }
};

/// ValueError when the parentheses do not match.
Node parse(std::string_view text);

/// Runs a program on a loop of its own with a virtual clock and gives its log.
std::vector<std::string> run(const Node& program);

}  // namespace asyncio::conformance
