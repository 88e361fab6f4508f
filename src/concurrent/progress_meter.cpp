#include "concurrent/progress_meter.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace asyncio::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBarColumns = 20;

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool has_terminal() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

// As joblib writes times: "0.8s", "2.1min".
std::string time_text(double seconds) {
  std::array<char, 32> text{};
  if (seconds < 60) {
    std::snprintf(text.data(), text.size(), "%.1fs", seconds);
  } else {
    std::snprintf(text.data(), text.size(), "%.1fmin", seconds / 60);
  }
  return text.data();
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

std::string head(int n_jobs) { return "[Parallel(n_jobs=" + std::to_string(n_jobs) + ")]"; }

double seconds_left(std::size_t done, std::size_t total, double seconds) {
  return done == 0 ? 0 : seconds / static_cast<double>(done) * static_cast<double>(total - done);
}

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;  // there is nowhere left to say so
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string render_progress_bar(int n_jobs, std::size_t done, std::size_t total, double seconds,
                                bool colour) {
  const std::size_t full = total == 0 ? kBarColumns : done * kBarColumns / total;
  const std::size_t percent = total == 0 ? 100 : done * 100 / total;
  std::string bar = std::string(full, '#') + std::string(kBarColumns - full, ' ');
  if (colour) bar = "\x1b[32m" + bar + "\x1b[0m";
  return head(n_jobs) + ' ' + padded(std::to_string(percent), 3) + "% |" + bar + "| " +
         std::to_string(done) + '/' + std::to_string(total) + " [" + time_text(seconds) + '<' +
         time_text(seconds_left(done, total, seconds)) + ']';
}

std::string render_progress_line(int n_jobs, std::size_t done, std::size_t total, double seconds) {
  std::string line = head(n_jobs) + ": Done " + padded(std::to_string(done), 3) + " out of " +
                     padded(std::to_string(total), 3) +
                     " | elapsed: " + padded(time_text(seconds), 7);
  if (done == total) return line + " finished";
  return line + " remaining: " + padded(time_text(seconds_left(done, total, seconds)), 7);
}

ProgressMeter::ProgressMeter(const concurrent::ParallelOptions& options, int n_jobs,
                             std::size_t total, ParallelProgress progress)
    : n_jobs_(n_jobs),
      total_(total),
      verbose_(options.verbose),
      bar_(options.progress && has_terminal()),
      colour_(bar_ && !is_set("NO_COLOR")),
      progress_(std::move(progress)) {
  if (bar_) draw(0, begun_);
}

ProgressMeter::~ProgressMeter() {
  if (drawn_) write_all("\r\x1b[K");
}

double ProgressMeter::seconds(Clock::time_point now) const {
  return std::chrono::duration<double>(now - begun_).count();
}

void ProgressMeter::update(std::size_t done) {
  if (!bar_ && verbose_ <= 0 && !progress_) return;
  const std::lock_guard lock(mutex_);
  if (done <= done_) return;
  done_ = done;
  const Clock::time_point now = Clock::now();
  if (bar_ && (done == total_ || now >= next_draw_)) draw(done, now);
  if (verbose_ > 0 && (done == total_ || verbose_ > 10 || now >= next_line_)) write_line(done, now);
  if (progress_) progress_(done, total_);
}

void ProgressMeter::draw(std::size_t done, Clock::time_point now) {
  write_all("\r" + render_progress_bar(n_jobs_, done, total_, seconds(now), colour_) + "\x1b[K");
  drawn_ = true;
  next_draw_ = now + 100ms;
}

void ProgressMeter::write_line(std::size_t done, Clock::time_point now) {
  write_all((drawn_ ? "\r\x1b[K" : "") + render_progress_line(n_jobs_, done, total_, seconds(now)) +
            "\n");
  next_line_ = now + 1s;
}

}  // namespace asyncio::detail
