// An arm: one way of doing N things, and what is asked of it and what it answers.
// Every arm does the same job: read each page whole into memory, check its length, let it go.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::tool {

class ArmProgress;

enum class ArmKind { sequential, threads, processes, asyncio, python };

struct ArmSpec {
  ArmKind kind = ArmKind::asyncio;
  unsigned workers = 1;  // K of threads:K and processes:K; 1 elsewhere
  bool operator==(const ArmSpec&) const = default;
};

/// "threads:8"; "asyncio".
std::string to_string(const ArmSpec& arm);

/// "threads:8", "threads" (8 workers), "asyncio" ... Errors: UsageError.
ArmSpec parse_arm(std::string_view text);

/// "sequential,threads:8,asyncio". Errors: UsageError, also for none and for one named twice.
std::vector<ArmSpec> parse_arms(std::string_view text);

enum class Workload {
  io,   // fetch pages and wait for them
  cpu,  // compute: nothing to wait for
};

inline constexpr std::chrono::nanoseconds kNoLimit{0};

struct ArmJob {
  ArmSpec arm;
  Workload workload = Workload::io;
  std::size_t n = 1;
  /// Item i fetches urls[i % urls.size()], as the articles' `[url] * n`. Empty for the cpu
  /// workload.
  std::vector<std::string> urls;
  /// Pages of another length are failures; unknown for a user's own URLs.
  std::optional<std::uint64_t> expected_bytes;
  /// Connections at once of the event-loop arms, 0: as many as items.
  unsigned limit = 100;
  /// For one request.
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);
  /// Stop after the item during which this much time has passed (kNoLimit: do all).
  std::chrono::nanoseconds bound = kNoLimit;
  /// Where finished items are counted. Never null while an arm runs.
  ArmProgress* progress = nullptr;

  [[nodiscard]] const std::string& url(std::size_t item) const { return urls[item % urls.size()]; }
};

/// What only the arm itself can know; time, CPU and memory are measured around it.
struct ArmResult {
  std::size_t completed =
      0;  // items finished, well or badly; less than n only if the bound was hit
  std::size_t failures = 0;
  std::string first_error;  // of the first item that failed, for the note
  unsigned threads = 1;     // at the busiest moment, over all processes
  unsigned processes = 1;
  /// Peak memory of processes that ended before the arm did (a pool's workers), summed.
  std::uint64_t worker_memory_bytes = 0;

  /// Counts one finished item; the first error text stays.
  void count(const std::string& error);
};

/// An ArmJob as text for another process, C++ or Python: one "key value" per line, URLs last.
std::string encode_job(const ArmJob& job);
/// Errors: ToolError (our own two halves disagree).
ArmJob decode_job(std::string_view text);

}  // namespace asyncio::tool
