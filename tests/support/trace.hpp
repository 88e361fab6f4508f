// What happened, in order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::test {

/// `trace("start")` notes an event; compare with `(Trace{"start", "end"})`.
class Trace : public std::vector<std::string> {
 public:
  using vector::vector;
  void operator()(std::string_view event) { emplace_back(event); }
};

/// Notes its own end, and how often that happened, however it was moved about.
class Noted {
 public:
  Noted(Trace& trace, std::string name) : trace_(&trace), name_(std::move(name)) {}
  Noted(Noted&& other) noexcept
      : trace_(std::exchange(other.trace_, nullptr)), name_(std::move(other.name_)) {}
  Noted& operator=(Noted&&) = delete;
  ~Noted() {
    if (trace_ != nullptr) (*trace_)("~" + name_);
  }

 private:
  Trace* trace_;
  std::string name_;
};

}  // namespace asyncio::test
