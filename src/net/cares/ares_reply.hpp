// What name servers say, as c-ares gives it: addresses, or that there are none and for how long, or
// an error.
#pragma once

#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "asyncio/loop/socket_address.hpp"
#include "net/name_source.hpp"

namespace asyncio::detail {

/// The addresses of one name, from several messages.
class AddressRecords {
 public:
  /// Of a message that answers a question for `type`, ns_t_a or ns_t_aaaa; a status of c-ares'.
  int add(int type, const unsigned char* message, int size);
  void clear() noexcept { addresses_.clear(); }

  [[nodiscard]] std::vector<SocketAddress>& addresses() noexcept { return addresses_; }
  /// In seconds.
  [[nodiscard]] int least_ttl() const noexcept { return least_ttl_; }

 private:
  int add_v4(const unsigned char* message, int size);
  int add_v6(const unsigned char* message, int size);
  void add(const SocketAddress& address, int ttl);

  std::vector<SocketAddress> addresses_;
  int least_ttl_ = std::numeric_limits<int>::max();
};

/// How long a message that says "no such name" or "no such record" may be believed: the smaller of
/// the SOA record's own time to live and its last field (RFC 2308, 5). Nothing without that record.
std::optional<std::chrono::seconds> negative_ttl_of(const unsigned char* message, int size);

/// The worse news of two statuses: that nobody could be asked is more than that somebody knows
/// nothing.
int worse_status(int one, int other) noexcept;

/// What a status means for who has asked `question` of `servers`.
FoundName failure_of(int status, const NameQuestion& question, const std::string& servers);

}  // namespace asyncio::detail
