// The drawings of the page, as SVG.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/runner/report.hpp"

namespace bench {

/// A colour for each arm of all reports, so that one name is one colour on the whole page.
using Colours = std::map<std::string, std::string>;
Colours choose_colours(const std::vector<ItemReport>& reports);

/// A line for each row with a dot for each peer: how many times our cost it takes, on a logarithmic
/// scale. Rows without a peer, and those in which more is better, are left out; empty without any.
std::string ratio_chart(const ItemReport& report, const Colours& colours);

/// For each kind of row a curve for each arm over the number in the row's name, both logarithmic.
std::string growth_charts(const ItemReport& report, const Colours& colours);

}  // namespace bench
