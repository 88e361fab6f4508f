// A report for programs: every single value of every round.
#pragma once

#include <string>
#include <vector>

#include "bench/runner/report.hpp"

namespace bench {

std::string to_json(const std::vector<ItemReport>& reports, const Description& description);

}  // namespace bench
