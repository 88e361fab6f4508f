// A report for a terminal and for bench/results.
#pragma once

#include <string>

#include "bench/runner/report.hpp"

namespace bench {

/// Title, table, goals and notes. Arms that do not fit beside each other go into a second table
/// below, and so on; each begins with ours.
std::string to_text(const ItemReport& report);

/// "machine: ...", a line each.
std::string to_text(const Description& description);

}  // namespace bench
