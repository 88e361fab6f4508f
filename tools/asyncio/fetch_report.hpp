// What `asyncio fetch` says at the end, and the line of JSON for each address.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/asyncio/download.hpp"
#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {

/// {"url": ..., "status": 200, "bytes": 13312, ...} and a line break. What is unknown is null.
std::string json_line(const DownloadResult& result);

/// Counts; keeps one example of each kind of failure, however many there are.
class FetchReport {
 public:
  void add(const DownloadResult& result);

  [[nodiscard]] std::uint64_t fetched() const { return fetched_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Nothing was fetched, and no host could even be connected to.
  [[nodiscard]] bool nothing_reachable() const {
    return fetched_ == 0 && unreachable_ > 0 && unreachable_ == attempted_;
  }

  struct End {
    std::uint64_t total = 0;  // addresses there were
    double seconds = 0;
    std::string early;  // "interrupted", "total timeout": why it ended before all were done
  };
  /// Lines for people: how many, how much, how fast, and the failures by reason.
  [[nodiscard]] std::string summary(const End& end, const Terminal& terminal) const;

 private:
  struct Kind {
    std::uint64_t count = 0;
    std::string title;
    std::string example;
  };
  std::uint64_t fetched_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unreachable_ = 0;
  std::uint64_t attempted_ = 0;
  std::uint64_t bytes_ = 0;
  std::map<std::string, Kind> kinds_;  // by reason
};

}  // namespace asyncio::tool
