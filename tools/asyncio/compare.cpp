#include "tools/asyncio/compare.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "tools/asyncio/atomic_file.hpp"
#include "tools/asyncio/blocking_arms.hpp"
#include "tools/asyncio/embedded.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/page_server.hpp"
#include "tools/asyncio/progress.hpp"
#include "tools/asyncio/python_arm.hpp"
#include "tools/asyncio/report.hpp"
#include "tools/asyncio/report_page.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"
#include "tools/asyncio/url_list.hpp"

namespace asyncio::tool {
namespace {

// So many different pages our server is asked for; items beyond begin again.
constexpr std::size_t kMostPages = 1000;

std::string now_text() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 64> buffer{};
  std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return buffer.data();
}

// Before anything runs: half a minute of measuring should not end with "no such folder".
void check_writable(const char* option, const std::string& path) {
  if (path.empty() || path == "-") return;
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    errno = EISDIR;
  } else if (std::filesystem::exists(path, error) &&
             !std::filesystem::is_regular_file(path, error)) {
    return;  // a device or a pipe: opened when there is something to write
  } else if (::access(folder.c_str(), W_OK) == 0) {
    return;
  }
  throw UsageError(std::string("asyncio compare: ") + option + ": cannot write " + quote(path) +
                   ": " + std::generic_category().message(errno));
}

class Comparison {
 public:
  explicit Comparison(const CompareOptions& options)
      : options_(options), sizes_(options.sizes), arms_(options.arms) {}

  int run();

 private:
  void prepare();
  void choose_addresses();
  void leave_out_python_if_missing();
  void describe();
  void measure_all(ArmsProgress& progress);
  void measure_arm(std::size_t arm, std::size_t n, ArmsProgress& progress);
  std::vector<MeasuredRun> measure_runs(const ArmJob& job, ArmsProgress& progress);
  ArmJob job_for(const ArmSpec& arm, std::size_t n) const;
  std::vector<std::string> arguments_for(const ArmSpec& arm) const;
  void add_row(const ReportRow& row, ArmsProgress& progress);
  void write_results() const;
  void write_result(const std::string& path, const std::string& text) const;

  const CompareOptions& options_;
  std::vector<std::size_t> sizes_;
  std::vector<ArmSpec> arms_;
  Report report_;
  InterruptWatch interrupt_;
  std::unique_ptr<PageServer> server_;
  std::vector<std::string> urls_;
  std::optional<MeasuredRun> sequential_pace_;  // of the largest n measured so far
  bool failed_ = false;
};

void Comparison::choose_addresses() {
  if (options_.workload == Workload::cpu) {
    report_.source = "about 5 ms of arithmetic each";
    return;
  }
  urls_ = options_.urls;
  if (!options_.input_file.empty()) {
    std::vector<std::string> more = read_url_list(options_.input_file);
    urls_.insert(urls_.end(), more.begin(), more.end());
    if (!options_.sizes_given) sizes_ = {urls_.size()};
  }
  if (!urls_.empty()) {
    report_.source = format_count(urls_.size()) + (urls_.size() == 1 ? " address" : " addresses") +
                     ", first " + urls_.front();
    return;
  }
  report_.source = "our own server: " + format_bytes(options_.page_bytes) + " each, after " +
                   format_duration(std::chrono::duration<double>(options_.delay).count());
  server_ = std::make_unique<PageServer>(
      PageServer::Options{.delay = options_.delay, .page_bytes = options_.page_bytes}, interrupt_);
  std::size_t pages = std::min(sizes_.back(), kMostPages);
  for (std::size_t page = 1; page <= pages; ++page) urls_.push_back(server_->page_url(page));
}

void Comparison::leave_out_python_if_missing() {
  auto python = std::find(arms_.begin(), arms_.end(), ArmSpec{ArmKind::python, 1});
  if (python == arms_.end()) return;
  if (options_.workload == Workload::cpu) {
    arms_.erase(python);
    report_.notes.emplace_back("python is left out: it has no part in the cpu workload");
    return;
  }
  PythonFound found = find_python(interrupt_);
  if (found.missing.empty()) {
    report_.versions.emplace_back("python", found.python_version);
    report_.versions.emplace_back("aiohttp", found.aiohttp_version);
    return;
  }
  arms_.erase(python);
  report_.notes.push_back("python is left out: " + found.missing +
                          (found.hint.empty() ? "" : " (" + found.hint + ")"));
}

void Comparison::describe() {
  report_.workload = options_.workload;
  report_.command = options_.command_line;
  report_.started_at = now_text();
  report_.limit = options_.limit;
  report_.repeat = options_.repeat;
  report_.machine = describe_machine();
  report_.versions.emplace_back("asyncio-cpp", embedded::version());
  report_.versions.emplace_back("compiler", report_.machine.compiler);
  if (options_.workload == Workload::io)
    report_.versions.emplace_back("libcurl", curl_version_text());
}

void Comparison::prepare() {
  check_writable("--json", options_.json_file);
  check_writable("--csv", options_.csv_file);
  check_writable("--html", options_.html_file);
  describe();
  choose_addresses();
  leave_out_python_if_missing();
  if (arms_.empty()) throw ToolError(report_.notes.front() + ", and no other arm was asked for");
}

ArmJob Comparison::job_for(const ArmSpec& arm, std::size_t n) const {
  ArmJob job;
  job.arm = arm;
  job.workload = options_.workload;
  job.n = n;
  job.urls = urls_;
  if (server_) job.expected_bytes = options_.page_bytes;
  job.limit = options_.limit;
  job.timeout = options_.timeout;
  if (arm.kind == ArmKind::sequential) job.bound = options_.sequential_bound;
  return job;
}

std::vector<std::string> Comparison::arguments_for(const ArmSpec& arm) const {
  return arm.kind == ArmKind::python ? python_arm_arguments() : own_arm_arguments(arm);
}

std::vector<MeasuredRun> Comparison::measure_runs(const ArmJob& job, ArmsProgress& progress) {
  auto on_progress = [&progress](std::uint64_t done, std::uint64_t failures) {
    progress.update(done, failures);
  };
  std::vector<MeasuredRun> runs;
  for (unsigned i = 0; i < options_.repeat; ++i) {
    runs.push_back(measure_in_child(arguments_for(job.arm), job, interrupt_, on_progress));
  }
  return runs;
}

void Comparison::add_row(const ReportRow& row, ArmsProgress& progress) {
  std::string outcome = (row.extrapolated ? "~" : "") + format_duration(row.seconds);
  if (row.extrapolated) {
    outcome += "  " + row.note;
  } else if (row.failures > 0) {
    outcome += "  " + format_count(row.failures) + " failed";
  }
  progress.end_arm(outcome);
  failed_ |= row.failures > 0;
  report_.rows.push_back(row);
}

void Comparison::measure_arm(std::size_t index, std::size_t n, ArmsProgress& progress) {
  const ArmSpec& arm = arms_[index];
  progress.begin_arm(index);
  bool sequential = arm.kind == ArmKind::sequential;
  if (sequential && sequential_pace_ &&
      is_worth_extrapolating(*sequential_pace_, n, options_.sequential_bound)) {
    add_row(make_row(to_string(arm), n, *sequential_pace_), progress);
    return;
  }
  try {
    std::vector<MeasuredRun> runs = measure_runs(job_for(arm, n), progress);
    const MeasuredRun& run = median_run(runs);
    if (sequential) sequential_pace_ = run;
    add_row(make_row(to_string(arm), n, run), progress);
  } catch (const ToolError& error) {
    // One arm that cannot run (too few descriptors, say) should not hide what the others did.
    failed_ = true;
    report_.notes.push_back("n = " + format_count(n) + ": " + error.what());
    progress.end_arm("failed");
  }
}

void Comparison::measure_all(ArmsProgress& progress) {
  for (std::size_t n : sizes_) {
    progress.begin_round(n);
    for (std::size_t arm = 0; arm < arms_.size(); ++arm) measure_arm(arm, n, progress);
  }
  progress.clear();
}

void Comparison::write_result(const std::string& path, const std::string& text) const {
  if (path.empty()) return;
  if (path == "-") {
    write_stdout(text);
    return;
  }
  write_file_atomically(path, text);
  if (options_.progress) write_stderr("wrote " + quote(path) + "\n");
}

void Comparison::write_results() const {
  bool document_on_stdout =
      options_.json_file == "-" || options_.csv_file == "-" || options_.html_file == "-";
  if (!document_on_stdout) write_stdout(render_table(report_, Terminal::of(STDOUT_FILENO)));
  if (!options_.json_file.empty()) write_result(options_.json_file, render_json(report_));
  if (!options_.csv_file.empty()) write_result(options_.csv_file, render_csv(report_));
  if (!options_.html_file.empty()) write_result(options_.html_file, render_page(report_));
}

int Comparison::run() {
  prepare();
  std::vector<std::string> names;
  for (const ArmSpec& arm : arms_) names.push_back(to_string(arm));
  Terminal terminal = options_.progress ? Terminal::of(STDERR_FILENO) : Terminal{};
  Writer writer = options_.progress ? Writer(write_stderr) : Writer([](std::string_view) {});
  ArmsProgress progress(terminal, names, std::chrono::steady_clock::now, writer);
  try {
    measure_all(progress);
  } catch (const Interrupted&) {
    progress.clear();
    add_ratios(report_.rows);
    report_.notes.emplace_back(
        "interrupted: the sizes above are all that was measured; no file is written");
    if (!report_.rows.empty()) write_stdout(render_table(report_, Terminal::of(STDOUT_FILENO)));
    throw;
  }
  server_.reset();
  if (report_.rows.empty()) {
    for (const std::string& note : report_.notes) write_stderr("asyncio: " + note + "\n");
    return kExitFailure;
  }
  add_ratios(report_.rows);
  write_results();
  return failed_ ? kExitFailure : 0;
}

}  // namespace

int run_compare(const CompareOptions& options) {
  adopt_orphans();
  return Comparison(options).run();
}

}  // namespace asyncio::tool
