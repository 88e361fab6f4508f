// All reports as one HTML page without a script: a chart and a table for each item.
#pragma once

#include <string>
#include <vector>

#include "bench/runner/report.hpp"

namespace bench {

std::string to_html(const std::vector<ItemReport>& reports);

}  // namespace bench
