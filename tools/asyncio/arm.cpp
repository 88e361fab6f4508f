#include "tools/asyncio/arm.hpp"

#include <algorithm>
#include <array>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

constexpr unsigned kDefaultWorkers = 8;  // the articles' joblib n_jobs
constexpr unsigned kMostWorkers = 1000;

struct ArmName {
  std::string_view name;
  ArmKind kind;
  bool has_workers;
};
constexpr std::array<ArmName, 5> kArmNames = {{
    {"sequential", ArmKind::sequential, false},
    {"threads", ArmKind::threads, true},
    {"processes", ArmKind::processes, true},
    {"asyncio", ArmKind::asyncio, false},
    {"python", ArmKind::python, false},
}};

// The largest numbers a job may carry; far beyond what is useful, only against nonsense.
constexpr std::uint64_t kLargest = 1'000'000'000'000'000'000ULL;

void read_field(ArmJob& job, std::string_view key, std::string_view value) {
  auto number = [&] { return parse_count(value, 0, kLargest); };
  if (key == "arm") {
    job.arm = parse_arm(value);
  } else if (key == "workload") {
    job.workload = value == "cpu" ? Workload::cpu : Workload::io;
  } else if (key == "n") {
    job.n = number();
  } else if (key == "expected_bytes") {
    job.expected_bytes = number();
  } else if (key == "limit") {
    job.limit = static_cast<unsigned>(number());
  } else if (key == "timeout_ns") {
    job.timeout = std::chrono::nanoseconds(number());
  } else if (key == "bound_ns") {
    job.bound = std::chrono::nanoseconds(number());
  } else if (key == "url") {
    job.urls.emplace_back(value);
  } else {
    throw ToolError("internal: unknown field " + quote(key) + " in a job");
  }
}

}  // namespace

std::string to_string(const ArmSpec& arm) {
  for (const ArmName& known : kArmNames) {
    if (known.kind != arm.kind) continue;
    std::string text(known.name);
    return known.has_workers ? text + ":" + std::to_string(arm.workers) : text;
  }
  return "unknown";
}

ArmSpec parse_arm(std::string_view text) {
  std::size_t colon = text.find(':');
  std::string_view name = text.substr(0, colon);
  for (const ArmName& known : kArmNames) {
    if (known.name != name) continue;
    if (colon == std::string_view::npos) {
      return {known.kind, known.has_workers ? kDefaultWorkers : 1};
    }
    if (!known.has_workers) throw UsageError("the arm " + std::string(name) + " takes no number");
    return {known.kind,
            static_cast<unsigned>(parse_count(text.substr(colon + 1), 1, kMostWorkers))};
  }
  throw UsageError(
      quote(text) +
      " is not an arm: choose from sequential, threads:K, processes:K, asyncio, python");
}

std::vector<ArmSpec> parse_arms(std::string_view text) {
  std::vector<ArmSpec> arms;
  while (true) {
    std::size_t comma = text.find(',');
    ArmSpec arm = parse_arm(text.substr(0, comma));
    if (std::find(arms.begin(), arms.end(), arm) != arms.end()) {
      throw UsageError("the arm " + to_string(arm) + " is named twice");
    }
    arms.push_back(arm);
    if (comma == std::string_view::npos) return arms;
    text.remove_prefix(comma + 1);
  }
}

void ArmResult::count(const std::string& error) {
  ++completed;
  if (error.empty()) return;
  if (failures++ == 0) first_error = error;
}

std::string encode_job(const ArmJob& job) {
  std::string out;
  auto field = [&](std::string_view key, std::string_view value) {
    out.append(key).append(" ").append(value).append("\n");
  };
  field("arm", to_string(job.arm));
  field("workload", job.workload == Workload::cpu ? "cpu" : "io");
  field("n", std::to_string(job.n));
  if (job.expected_bytes) field("expected_bytes", std::to_string(*job.expected_bytes));
  field("limit", std::to_string(job.limit));
  field("timeout_ns", std::to_string(job.timeout.count()));
  field("bound_ns", std::to_string(job.bound.count()));
  for (const std::string& url : job.urls) field("url", url);
  return out;
}

ArmJob decode_job(std::string_view text) {
  ArmJob job;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::size_t space = line.find(' ');
    if (space == std::string_view::npos) throw ToolError("internal: bad line in a job");
    read_field(job, line.substr(0, space), line.substr(space + 1));
  }
  if (job.workload == Workload::io && job.urls.empty())
    throw ToolError("internal: a job without URLs");
  return job;
}

}  // namespace asyncio::tool
