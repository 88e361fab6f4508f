#include "tools/asyncio/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "tools/asyncio/text.hpp"
#include "tools/asyncio/units.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenDrawings = 100ms;
constexpr unsigned kWidestBar = 30;
constexpr unsigned kNarrowestBar = 6;

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string pad_right(std::string text, std::size_t columns) {
  std::size_t width = display_width(text);
  if (width < columns) text.append(columns - width, ' ');
  return text;
}

std::string counts_of(const ProgressState& state) {
  std::string done = format_count(state.done);
  if (state.total == 0) return done;
  std::string total = format_count(state.total);
  // As wide as "total/total" from the start: a line that shifts while it counts is hard to read.
  std::string text(total.size() - std::min(total.size(), done.size()), ' ');
  return text + done + "/" + total;
}

std::string pace_of(const ProgressState& state) {
  std::string text;
  if (state.elapsed_seconds > 0 && (state.done > 0 || state.bytes > 0)) {
    double per_second = 1 / state.elapsed_seconds;
    if (state.bytes > 0) {
      double bytes = static_cast<double>(state.bytes) * per_second;
      text += "  " + format_bytes(static_cast<std::uint64_t>(bytes)) + "/s";
    } else {
      text += "  " + format_ratio(static_cast<double>(state.done) * per_second) + "/s";
    }
  }
  text += "  " + format_duration(state.elapsed_seconds);
  std::optional<double> left = remaining_seconds(state);
  if (left && *left > 0.05) text += "  eta " + format_duration(*left);
  return text;
}

}  // namespace

std::optional<double> remaining_seconds(const ProgressState& state) {
  const double done = static_cast<double>(state.done) + state.under_way;
  if (done <= 0 || state.total == 0) return std::nullopt;
  const double left = static_cast<double>(state.total) - done;
  return left <= 0 ? 0.0 : state.elapsed_seconds * left / done;
}

std::string render_bar(double fraction, unsigned columns) {
  static constexpr std::array<const char*, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  double clamped = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  // Rounded down: a full bar means that all is done.
  auto eighths = static_cast<unsigned>(clamped * columns * 8);
  unsigned full = std::min(eighths / 8, columns);
  std::string bar;
  for (unsigned i = 0; i < full; ++i) bar += "█";
  if (full < columns) {
    bar += kEighths[eighths % 8];
    bar.append(columns - full - (eighths % 8 == 0 ? 0 : 1), ' ');
  }
  return bar;
}

std::string render_progress(const ProgressState& state, const Terminal& terminal) {
  std::string label = escape_controls(state.label);
  std::string tail = counts_of(state) + pace_of(state);
  std::string failed;
  if (state.failures > 0) failed = "  " + format_count(state.failures) + " failed";
  // The last column stays free: some terminals wrap as soon as it is written.
  std::size_t columns = terminal.columns > 0 ? terminal.columns - 1 : 0;
  std::size_t text = display_width(label) + 2 + display_width(tail) + display_width(failed);
  if (state.total == 0 || text + 2 + kNarrowestBar > columns) {
    return fit(label + "  " + tail + failed, columns);
  }
  auto bar_columns = static_cast<unsigned>(std::min<std::size_t>(kWidestBar, columns - text - 2));
  double done = static_cast<double>(state.done) + state.under_way;
  double fraction = done / static_cast<double>(state.total);
  std::string bar = styled(terminal, Style::cyan, render_bar(fraction, bar_columns));
  return label + "  " + bar + "  " + tail + styled(terminal, Style::red, failed);
}

LiveLines::LiveLines(Terminal terminal, Clock clock, Writer writer)
    : terminal_(terminal), clock_(std::move(clock)), writer_(std::move(writer)) {}

LiveLines::~LiveLines() { clear(); }

bool LiveLines::due() const {
  return terminal_.is_tty && (!last_drawn_ || clock_() - *last_drawn_ >= kBetweenDrawings);
}

void LiveLines::draw(const std::vector<std::string>& lines) {
  if (!due() || lines.empty()) return;
  // One write, so that nothing of anyone else's gets between the lines. The cursor rests on the
  // last line; each line erases what the former drawing left behind it.
  std::string out;
  if (lines_on_screen_ > 0) {
    out += "\r";
    if (lines_on_screen_ > 1) out += "\x1b[" + std::to_string(lines_on_screen_ - 1) + "A";
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += (i == 0 ? "" : "\n") + lines[i] + "\x1b[K";
  }
  if (lines.size() < lines_on_screen_) out += "\x1b[J";
  writer_(out);
  lines_on_screen_ = lines.size();
  last_drawn_ = clock_();
}

void LiveLines::clear() {
  if (lines_on_screen_ > 0) {
    std::string up;
    if (lines_on_screen_ > 1) up = "\x1b[" + std::to_string(lines_on_screen_ - 1) + "A";
    writer_("\r" + up + "\x1b[J");
  }
  lines_on_screen_ = 0;
  last_drawn_.reset();
}

ProgressBar::ProgressBar(Terminal terminal, std::string label, std::uint64_t total, Clock clock,
                         Writer writer)
    : terminal_(terminal),
      clock_(clock),
      started_(clock_()),
      live_(terminal, clock, std::move(writer)) {
  state_.label = std::move(label);
  state_.total = total;
}

void ProgressBar::update(std::uint64_t done, std::uint64_t failures, Extent extent) {
  state_.done = done;
  state_.under_way = extent.under_way;
  state_.failures = failures;
  state_.bytes = extent.bytes;
  if (!live_.due()) return;
  state_.elapsed_seconds = seconds_between(started_, clock_());
  live_.draw({render_progress(state_, terminal_)});
}

void ProgressBar::clear() { live_.clear(); }

ArmsProgress::ArmsProgress(Terminal terminal, std::vector<std::string> arms, Clock clock,
                           Writer writer)
    : terminal_(terminal),
      clock_(std::move(clock)),
      writer_(std::move(writer)),
      arm_started_(clock_()),
      live_(terminal, clock_, writer_) {
  std::size_t width = 0;
  for (const std::string& arm : arms) width = std::max(width, display_width(arm));
  for (std::string& arm : arms) lines_.push_back({pad_right(std::move(arm), width), "", false});
}

void ArmsProgress::begin_round(std::uint64_t n) {
  running_ = {};
  running_.total = n;
  for (Line& line : lines_) {
    line.outcome.clear();
    line.started = false;
  }
}

void ArmsProgress::begin_arm(std::size_t arm) {
  current_ = arm;
  lines_.at(arm).started = true;
  arm_started_ = clock_();
  update(0, 0);
}

void ArmsProgress::update(std::uint64_t done, std::uint64_t failures) {
  running_.done = done;
  running_.failures = failures;
  if (!live_.due()) return;
  running_.elapsed_seconds = seconds_between(arm_started_, clock_());
  live_.draw(lines());
}

void ArmsProgress::end_arm(const std::string& outcome) {
  Line& line = lines_.at(current_);
  line.outcome = outcome;
  if (!terminal_.is_tty) {
    writer_("n = " + format_count(running_.total) + "  " + line.label + "  " +
            escape_controls(outcome) + "\n");
    return;
  }
  live_.clear();
  live_.draw(lines());
}

void ArmsProgress::clear() { live_.clear(); }

std::vector<std::string> ArmsProgress::lines() const {
  std::size_t columns = terminal_.columns > 0 ? terminal_.columns - 1 : 0;
  std::vector<std::string> out;
  out.push_back(
      styled(terminal_, Style::bold, fit("n = " + format_count(running_.total), columns)));
  for (const Line& line : lines_) {
    if (!line.outcome.empty()) {
      out.push_back(fit(line.label + "  " + escape_controls(line.outcome), columns));
    } else if (line.started) {
      ProgressState state = running_;
      state.label = line.label;
      out.push_back(render_progress(state, terminal_));
    } else {
      out.push_back(styled(terminal_, Style::dim, fit(line.label + "  waiting", columns)));
    }
  }
  return out;
}

}  // namespace asyncio::tool
