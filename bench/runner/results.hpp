// The folder of results: ITEM.txt for each item, and all that is known in latest.json and
// latest.html.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/runner/report.hpp"

namespace bench {

/// "-" is stdout. Throws std::runtime_error.
void write_file(const std::filesystem::path& path, const std::string& text);

/// What former runs have left in the folder; nothing if there is none. Throws std::runtime_error,
/// with the file's name, for one that cannot be read.
std::vector<ItemReport> read_results(const std::filesystem::path& folder);

/// `measured` takes the place of what was `kept` of the same items; in the order of `names`. An
/// item that has no name there any more is left out.
std::vector<ItemReport> merge(const std::vector<ItemReport>& kept,
                              const std::vector<ItemReport>& measured,
                              const std::vector<std::string>& names);

/// A text for each of the items `measured`, the JSON and the page of `all`.
void write_results(const std::filesystem::path& folder, const std::vector<ItemReport>& measured,
                   const std::vector<ItemReport>& all);

}  // namespace bench
