// The pages that `asyncio serve` makes up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::tool {

/// An HTML page of exactly `bytes` bytes, however few, always the same.
std::string make_page(std::uint64_t bytes);

/// The cast list of article 002, "/title/tt2560140/fullcredits": some names for each title, the
/// same each time; at least `bytes` bytes.
std::string make_fullcredits_page(std::string_view title_id, std::uint64_t bytes);

}  // namespace asyncio::tool
