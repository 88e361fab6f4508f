// Files that are part of the program: the report page, Chart.js, the Python arm. embedded.cpp.in
// says how.
#pragma once

#include <string_view>

namespace asyncio::tool::embedded {

std::string_view chart_js();
std::string_view report_html();
std::string_view report_css();
std::string_view report_js();
std::string_view python_arm();

/// "0.1.0"
std::string_view version();

}  // namespace asyncio::tool::embedded
