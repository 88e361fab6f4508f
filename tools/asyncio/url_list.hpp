// Addresses from a file: one per line, "-" is stdin; blank lines and lines that begin with '#' are
// skipped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::tool {

/// Errors: UsageError naming the file: unreadable, over 256 MB, or without any address.
std::vector<std::string> read_url_list(const std::string& path);

/// The lines of `text` that hold addresses, without surrounding blanks (and without "\r").
std::vector<std::string> parse_url_list(std::string_view text);

}  // namespace asyncio::tool
