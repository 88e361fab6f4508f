// `asyncio compare`: the same N pages with each arm, and the clock beside it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/asyncio/arm.hpp"

namespace asyncio::tool {

struct CompareOptions {
  std::vector<std::size_t> sizes = {1, 10, 50, 100, 500};
  bool sizes_given = false;  // with --input and no --sizes, the list is fetched once, whole
  std::vector<ArmSpec> arms = {{ArmKind::sequential, 1},
                               {ArmKind::threads, 8},
                               {ArmKind::processes, 8},
                               {ArmKind::asyncio, 1},
                               {ArmKind::python, 1}};
  Workload workload = Workload::io;
  std::chrono::nanoseconds delay = std::chrono::milliseconds(100);  // of the embedded server
  std::uint64_t page_bytes = 13 * 1024;                             // of the embedded server
  unsigned limit = 100;           // connections of the event-loop arms, 0: no limit
  std::vector<std::string> urls;  // the user's own, instead of the embedded server
  std::string input_file;         // more of them, one per line; "-" is stdin
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);           // of one request
  std::chrono::nanoseconds sequential_bound = std::chrono::seconds(10);  // 0: measure all
  unsigned repeat = 1;  // runs of each arm and size; the median counts
  // Where results go: empty is nowhere, "-" is stdout (and then no table).
  std::string json_file;
  std::string csv_file;
  std::string html_file;
  bool progress = true;
  std::string command_line;  // as typed, for the report
};

/// Returns 0, or 1 when an arm failed or a page could not be fetched. Errors: UsageError for files
/// and addresses, ToolError, Interrupted (every child is dead and reaped by then).
int run_compare(const CompareOptions& options);

}  // namespace asyncio::tool
