// Reads random programs, one per line, and prints their logs, each followed by a line ".".
#include <exception>
#include <iostream>
#include <string>

#include "asyncio/base/error.hpp"
#include "conformance/program.hpp"

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      for (const auto& entry : asyncio::conformance::run(asyncio::conformance::parse(line))) {
        std::cout << entry << '\n';
      }
    } catch (...) {
      std::cout << "the program failed: " << asyncio::base::describe(std::current_exception())
                << '\n';
    }
    std::cout << "." << std::endl;  // flushed: the next program may end the process
  }
}
