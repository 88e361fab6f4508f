// Random programs with the logs that CPython made of them: corpus.txt, by `differential --corpus`.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "asyncio/base/error.hpp"
#include "conformance/program.hpp"

namespace asyncio::conformance {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += "  " + line + "\n";
  return text;
}

TEST(random_programs, log_what_cpython_logged) {
  std::ifstream file(ASYNCIO_CONFORMANCE_FOLDER "/corpus.txt");
  ASSERT_TRUE(file) << "tests/conformance/corpus.txt is missing";
  std::string program;
  std::getline(file, program);  // the interpreter's name
  int count = 0;
  int different = 0;
  while (std::getline(file, program)) {
    std::vector<std::string> expected;
    for (std::string line; std::getline(file, line) && line != ".";) expected.push_back(line);
    const auto actual = run(parse(program));
    ++count;
    if (actual == expected || ++different > 3) continue;
    ADD_FAILURE() << program << "\nCPython:\n"
                  << joined(expected) << "asyncio-cpp:\n"
                  << joined(actual);
  }
  EXPECT_EQ(different, 0) << "of " << count << " programs";
  EXPECT_GE(count, 300);
}

TEST(random_programs, with_unbalanced_parentheses_are_refused) {
  EXPECT_THROW(parse("(program 1 (main (sleep 1 0))"), ValueError);
  EXPECT_THROW(parse("(program 1)) "), ValueError);
  EXPECT_THROW(parse("program 1"), ValueError);
}

}  // namespace
}  // namespace asyncio::conformance
