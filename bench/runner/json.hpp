// Reports for programs: every single value of every round.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/runner/report.hpp"

namespace bench {

std::string to_json(const std::vector<ItemReport>& reports);

/// What to_json() has written, with the goals as they are now. Throws std::runtime_error, which
/// says what is wrong, for anything else.
std::vector<ItemReport> from_json(std::string_view text);

}  // namespace bench
