// Which address is fetched next, so that no host has more than its share at once and a host that is
// busy does not keep the others waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <vector>

namespace asyncio::tool {

/// Numbers of addresses, smallest first among those whose host has room. Whoever takes one gives it
/// back when it is done. Costs a few bytes per address, whatever the number of hosts.
class UrlQueue {
 public:
  /// `per_host` at once from one host; 0: no limit. What is no address counts as a host of its own.
  UrlQueue(const std::vector<std::string>& urls, unsigned per_host);

  /// Nothing when none is left, or every host that has some left is busy.
  std::optional<std::size_t> take();
  void give_back(std::size_t index);
  /// Not taken yet.
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct Host {
    std::uint32_t next = kNone;  // the first that was not taken
    std::uint32_t last = kNone;
    unsigned busy = 0;
  };

  void offer(const Host& host);

  unsigned per_host_;
  std::size_t left_;
  std::vector<std::uint32_t> host_of_;
  std::vector<std::uint32_t> next_;  // of the same host
  std::vector<Host> hosts_;
  // The next address of each host that has room and some left.
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> offers_;
};

}  // namespace asyncio::tool
