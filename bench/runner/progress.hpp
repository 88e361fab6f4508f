// What a person sees while it measures: one line that moves on a terminal, a line per item
// elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace bench {

class Progress {
 public:
  /// `steps`: how many times step() will be called; 0 if nobody knows.
  void begin(const std::string& item, int steps);
  /// Before each measurement; `what` is about to run.
  void step(const std::string& what);
  /// Something that takes a while and is not a measurement.
  void say(const std::string& text);
  void end();

 private:
  void draw(const std::string& what) const;

  std::string item_;
  int steps_ = 0;
  int done_ = 0;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace bench
