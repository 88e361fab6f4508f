// The outcome of a comparison, and its plain forms: table, JSON, CSV. The page is in
// report_page.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/asyncio/arm.hpp"
#include "tools/asyncio/machine.hpp"
#include "tools/asyncio/measure.hpp"
#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {

struct ReportRow {
  std::string arm;
  std::size_t n = 0;
  double seconds = 0;
  std::optional<double> ratio_to_asyncio;  // above 1: slower than asyncio with the same n
  double cpu_seconds = 0;
  std::uint64_t peak_memory_bytes = 0;
  unsigned threads = 0;
  unsigned processes = 0;
  std::size_t failures = 0;
  bool extrapolated = false;
  std::string note;
};

struct Report {
  std::vector<ReportRow> rows;  // by n, then in the order of the arms
  Workload workload = Workload::io;
  std::string source;      // "our own server: 100 ms, 13.0 KB a page", "3 addresses of the user"
  std::string command;     // to repeat it
  std::string started_at;  // "2026-11-20 11:30 UTC"
  unsigned limit = 100;
  unsigned repeat = 1;
  Machine machine;
  std::vector<std::pair<std::string, std::string>> versions;
  std::vector<std::string> notes;  // arms left out, and why
};

/// A measured run as a row. When the run was cut short at its bound (completed < n), time and CPU
/// are scaled to n items, and the row says so; memory, threads and failures stay as measured.
ReportRow make_row(const std::string& arm, std::size_t n, const MeasuredRun& run);

/// Whether n items would take longer than `bound` (0: never too long) at the pace of `known`, which
/// itself lasted at least half of it: long enough to trust, so measuring again would only cost
/// time.
bool is_worth_extrapolating(const MeasuredRun& known, std::size_t n,
                            std::chrono::nanoseconds bound);

/// The run in the middle by seconds; of an even number, the faster of the two in the middle.
const MeasuredRun& median_run(const std::vector<MeasuredRun>& runs);

/// Fills ratio_to_asyncio of every row whose n also has an asyncio row.
void add_ratios(std::vector<ReportRow>& rows);

std::string render_table(const Report& report, const Terminal& terminal);
std::string render_json(const Report& report);
/// Columns n,process,time_taken as in article 002's data frame, then the others.
std::string render_csv(const Report& report);

/// 6 decimals at most, no exponent, no trailing zeros: valid JSON and CSV everywhere.
std::string plain_number(double value);

}  // namespace asyncio::tool
