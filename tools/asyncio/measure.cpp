#include "tools/asyncio/measure.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <sstream>

#include "tools/asyncio/arm_progress.hpp"
#include "tools/asyncio/child_process.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/pipe.hpp"
#include "tools/asyncio/process_tree.hpp"
#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

constexpr int kSampleMs = 50;

double cpu_seconds_of(int who) {
  rusage usage{};
  getrusage(who, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double cpu_seconds_so_far() {
  return cpu_seconds_of(RUSAGE_SELF) + cpu_seconds_of(RUSAGE_CHILDREN);
}

// Appends what is there; false at the end of the pipe.
bool read_some(int fd, std::string& buffer) {
  std::array<char, 4096> chunk;
  ssize_t got = ::read(fd, chunk.data(), chunk.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  buffer.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0;
}

void take_lines(std::string& buffer, RunReport& report) {
  std::size_t newline = 0;
  while ((newline = buffer.find('\n')) != std::string::npos) {
    report.read_line(buffer.substr(0, newline));
    buffer.erase(0, newline + 1);
  }
}

std::string read_all(int fd) {
  std::string text;
  while (read_some(fd, text)) {
  }
  return text;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void report_run(const MeasuredRun& run) {
  std::ostringstream out;
  out.precision(9);
  out << std::fixed << "seconds " << run.seconds << "\ncpu " << run.cpu_seconds << "\nmemory "
      << run.peak_memory_bytes << "\nthreads " << run.threads << "\nprocesses " << run.processes
      << "\ncompleted " << run.completed << "\nfailures " << run.failures << "\n";
  if (!run.first_error.empty()) out << "error " << one_line(run.first_error) << "\n";
  out << "end\n";
  write_report(kChildReportFd, out.str());
}

}  // namespace

void RunReport::read_line(const std::string& line) {
  std::istringstream in(line);
  std::string key;
  in >> key;
  if (key == "progress") {
    in >> done_ >> failed_;
  } else if (key == "seconds") {
    in >> run_.seconds;
  } else if (key == "cpu") {
    in >> run_.cpu_seconds;
  } else if (key == "memory") {
    in >> run_.peak_memory_bytes;
  } else if (key == "threads") {
    in >> run_.threads;
  } else if (key == "processes") {
    in >> run_.processes;
  } else if (key == "completed") {
    in >> run_.completed;
  } else if (key == "failures") {
    in >> run_.failures;
  } else if (key == "error") {
    std::getline(in >> std::ws, run_.first_error);
  } else if (key == "end") {
    complete_ = true;
  }
}

MeasuredRun measure_in_child(const std::vector<std::string>& arguments, const ArmJob& job,
                             const InterruptWatch& interrupt, const OnProgress& on_progress) {
  interrupt.check();
  Pipe pipe = make_pipe();
  UniqueFd input = memory_file("job", encode_job(job));
  ChildProcess child(arguments, {.input = input.get(), .report = pipe.write_end.get()});
  pipe.write_end.reset();

  RunReport report;
  ProcessCount busiest;
  std::string buffer;
  bool open = true;
  while (open) {
    std::array<pollfd, 2> fds = {{{pipe.read_end.get(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), kSampleMs);
    interrupt.check();  // the child's destructor kills and reaps
    if (fds[0].revents != 0) open = read_some(pipe.read_end.get(), buffer);
    take_lines(buffer, report);
    ProcessCount now = count_process_tree(child.pid());
    busiest.processes = std::max(busiest.processes, now.processes);
    busiest.threads = std::max(busiest.threads, now.threads);
    if (on_progress) on_progress(report.done(), report.failed());
  }
  std::string status = child.wait();
  if (!report.complete() || !status.empty()) {
    std::string why = child.last_error_line();
    if (why.empty()) why = status.empty() ? "it ended without a result" : status;
    throw ToolError("the arm " + to_string(job.arm) + " failed: " + why);
  }
  MeasuredRun run = report.run();
  run.threads = std::max(run.threads, busiest.threads);
  run.processes = std::max(run.processes, busiest.processes);
  return run;
}

std::vector<std::string> own_arm_arguments(const ArmSpec& arm) {
  // The name is only for those who look with ps: the job itself comes through the descriptor.
  return {"/proc/self/exe", "__arm", to_string(arm)};
}

int measure_here(const ArmFunction& arm) {
  ArmJob job = decode_job(read_all(kChildInputFd));
  ArmProgress progress(kChildReportFd);
  job.progress = &progress;
  double cpu_before = cpu_seconds_so_far();
  auto started = std::chrono::steady_clock::now();
  ArmResult result = arm(job);
  auto ended = std::chrono::steady_clock::now();
  MeasuredRun run;
  run.seconds = std::chrono::duration<double>(ended - started).count();
  run.cpu_seconds = cpu_seconds_so_far() - cpu_before;
  run.peak_memory_bytes = peak_memory_of_self() + result.worker_memory_bytes;
  run.threads = result.threads;
  run.processes = result.processes;
  run.completed = result.completed;
  run.failures = result.failures;
  run.first_error = escape_controls(result.first_error);
  report_run(run);
  return 0;
}

}  // namespace asyncio::tool
