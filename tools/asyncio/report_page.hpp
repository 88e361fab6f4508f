// The comparison as one HTML page that carries everything with it: chart, table, machine, command.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tools/asyncio/report.hpp"

namespace asyncio::tool {

/// The page. It loads nothing (its Content-Security-Policy forbids it to); without JavaScript the
/// table is still there. Whatever came from outside is escaped for the place where it stands.
std::string render_page(const Report& report);

/// Replaces each {{NAME}} once, in one pass: a value that holds "{{X}}" is left as it is. A name
/// without a value is a mistake in the template: ToolError.
std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values);

struct Headline {
  std::string text;  // "500 pages in 0.52 s"
  std::string by;    // "with asyncio"
};

/// About the fastest arm at the largest n, whichever it is, among those that did all of it without
/// a failure: to fail is always quick.
Headline headline(const Report& report);

}  // namespace asyncio::tool
