#include "bench/runner/program_rows.hpp"

#include <sstream>

namespace bench {

void add_rows(const std::string& output, const std::string& arm, ItemReport& report) {
  std::istringstream lines(output);
  std::string row;
  std::string unit;
  std::string value;
  while (std::getline(lines, row, '\t') && std::getline(lines, unit, '\t') &&
         std::getline(lines, value)) {
    report.add(row, unit, arm, std::stod(value));
  }
}

}  // namespace bench
