// Names for downloaded files, made of their addresses. A server or a list of addresses from
// somebody else decides what an address looks like, so a name is only ever one harmless component
// of a path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::tool {

/// `text` as the name of a file in a folder: no slash, control byte, invalid UTF-8 or character
/// that some file system or shell takes for something else; not hidden, no option, no device of
/// Windows; at most kLongestFileName bytes. What had to be cut is told apart by a hash of the
/// whole.
std::string safe_file_name(std::string_view text);

inline constexpr std::size_t kLongestFileName = 180;  // leaves room for a temporary file's marks

/// One name for each address, in order; empty for what is no address. It is the last part of the
/// path
/// ("fullcredits"), or the host for the root. Addresses that would share a name get all of the path
/// ("host_title_tt1_fullcredits"), so that names depend on the set of addresses and not on their
/// order; only addresses that are alike even so are numbered ("page-2.html"). Names differ in more
/// than their case, since some file systems do not see it.
std::vector<std::string> file_names(const std::vector<std::string>& urls);

}  // namespace asyncio::tool
