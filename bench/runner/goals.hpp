// What the figures should come to, from the project's design.
#pragma once

#include <string>
#include <vector>

#include "bench/runner/report.hpp"

namespace bench {

std::vector<Goal> goals_of(const std::string& item);

}  // namespace bench
