// The command line, read into plain structs. CLI11 does the reading and stays inside options.cpp.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/asyncio/compare.hpp"
#include "tools/asyncio/fetch.hpp"
#include "tools/asyncio/serve.hpp"

namespace asyncio::tool {

/// --help and --version: print this on stdout and end with 0.
struct PrintText {
  std::string text;
};

/// The hidden command `asyncio __arm`: one arm of a comparison, in its own process (measure.hpp).
struct ArmCommand {};

using Command = std::variant<PrintText, CompareOptions, FetchOptions, ServeOptions, ArmCommand>;

/// `arguments` without the program's name. Errors: UsageError with one line that begins with
/// "asyncio" or "asyncio <command>" and names the option.
Command parse_command_line(const std::vector<std::string>& arguments);

/// Arguments as a line that a shell reads back as the same arguments.
std::string shell_line(const std::vector<std::string>& arguments);

}  // namespace asyncio::tool
