#include "bench/runner/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bench {
namespace {

bool on_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  return terminal;
}

constexpr const char* kClearLine = "\r\033[K";

}  // namespace

void Progress::begin(const std::string& item, int steps) {
  item_ = item;
  steps_ = steps;
  done_ = 0;
  began_ = std::chrono::steady_clock::now();
  if (on_terminal()) {
    draw("");
  } else {
    std::fprintf(stderr, "bench: %s ...\n", item.c_str());
  }
}

void Progress::step(const std::string& what) {
  if (on_terminal()) draw(what);
  ++done_;
}

void Progress::say(const std::string& text) {
  if (on_terminal()) std::fputs(kClearLine, stderr);
  std::fprintf(stderr, "bench: %s\n", text.c_str());
}

void Progress::end() {
  if (on_terminal()) std::fputs(kClearLine, stderr);
}

void Progress::draw(const std::string& what) const {
  constexpr int kWidth = 24;
  const int steps = std::max(steps_, 1);
  const int full = std::min(kWidth, done_ * kWidth / steps);
  std::string bar(static_cast<std::size_t>(full), '#');
  bar.resize(kWidth, '.');
  std::string left;
  if (done_ > 0 && done_ < steps) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
    left = ", about " + std::to_string(int(passed.count() * (steps - done_) / done_)) + " s left";
  }
  std::fprintf(stderr, "%s%s [%s] %d of %d%s  %.40s", kClearLine, item_.c_str(), bar.c_str(), done_,
               steps, left.c_str(), what.c_str());
}

}  // namespace bench
