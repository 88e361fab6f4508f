// What every program that measures prints: lines of row, unit and value, with tabs between.
#pragma once

#include <string>

#include "bench/runner/report.hpp"

namespace bench {

void add_rows(const std::string& output, const std::string& arm, ItemReport& report);

}  // namespace bench
