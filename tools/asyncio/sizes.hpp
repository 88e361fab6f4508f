// The list of Ns to compare: "1,10,50,100,500" or a range as Python writes it, "50:450:50".
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace asyncio::tool {

/// Numbers and start:stop[:step] ranges (stop excluded, step 1), separated by commas; sorted, each
/// once. Errors: UsageError for 0, an empty range, more than 1,000 sizes, or a size over ten
/// million.
std::vector<std::size_t> parse_sizes(std::string_view text);

}  // namespace asyncio::tool
