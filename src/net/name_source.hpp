// Who knows names: name servers by c-ares, or the C library on threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/net/resolver.hpp"

namespace asyncio::detail {

class LookUp;

/// What is asked. `host` is in small letters.
struct NameQuestion {
  std::string host;  ///< empty: any address (passive) or loopback
  int family = 0;
  bool passive = false;
  std::uint16_t port = 0;  ///< only where that makes a difference
  bool operator==(const NameQuestion&) const = default;
};

/// What became of it.
struct FoundName {
  std::vector<SocketAddress> addresses;  ///< in the order in which to try them; port 0: none
  int error = 0;                         ///< 0, or an EAI_ code
  std::string reason;                    ///< text of the error
  std::exception_ptr failure;            ///< something else: nobody could be asked
  std::optional<Nanoseconds> ttl;        ///< how long it is good for, if anybody has told
};

class NameSource {
 public:
  virtual ~NameSource() = default;
  /// Looks `look_up` up, and then calls its finish(), which may be before this returns.
  virtual void begin(LookUp& look_up) = 0;
  /// Nobody wants to know any more: finish() is not to be called, and `look_up` goes.
  virtual void abandon(LookUp& look_up) noexcept = 0;
  /// The loop closes: lets go of what it has of it.
  virtual void close() noexcept {}
};

std::shared_ptr<NameSource> make_threaded_source(Scheduler& scheduler,
                                                 const ThreadedResolver& options);

std::shared_ptr<NameSource> make_program_source(std::shared_ptr<AbstractResolver> resolver);

/// Whether this build has c-ares.
bool has_async_source() noexcept;
/// Null when c-ares does not work here, and then `why` says so. ValueError for name servers that
/// are no addresses.
std::shared_ptr<NameSource> make_async_source(Scheduler& scheduler, const AsyncResolver& options,
                                              std::string& why);

}  // namespace asyncio::detail
