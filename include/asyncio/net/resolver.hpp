// Names to addresses, and back; who looks them up, and how long a loop remembers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

class Scheduler;

/// Options of getaddrinfo.
struct ResolveOptions {
  int family = 0;        ///< AF_INET or AF_INET6; 0: both
  bool passive = false;  ///< to listen on: an empty host is any address instead of loopback
};

/// What a loop remembers of the names it has looked up. Python: aiohttp's use_dns_cache and
/// ttl_dns_cache.
struct NameCacheOptions {
  std::size_t max_entries = 4096;                ///< the least used go first; 0: none
  Delay min_ttl = Delay();                       ///< a shorter time to live is taken for this
  Delay max_ttl = Delay(std::chrono::hours(1));  ///< a longer one for this
  /// Of answers that do not tell their time to live, as a thread's do not.
  Delay default_ttl = Delay(std::chrono::seconds(10));
  /// Of "no such host", when the answer does not tell its time to live. Other failures are not
  /// remembered.
  Delay negative_ttl = Delay(std::chrono::seconds(5));
  /// The longest that this is remembered, whatever the zone's SOA record says (RFC 2308).
  Delay max_negative_ttl = Delay(std::chrono::minutes(5));
};

/// Asks name servers from the loop itself (c-ares): no thread, and a look-up that nobody wants any
/// more ends at once. Reads the hosts file and resolv.conf, again when they have changed, and no
/// other source that nsswitch.conf may name (mDNS, LDAP, the machine's own name): where those
/// matter, ThreadedResolver. What a loop uses by itself, if the library was built with c-ares.
/// Python: aiohttp.AsyncResolver.
struct AsyncResolver {
  /// "10.0.0.1, 10.0.0.2:5353, [fd00::1]:53"; empty: those of resolv.conf. Copied, as all texts.
  std::string_view nameservers = {};
  Delay timeout =
      Delay();    ///< of the first question to each server, then doubled; 0: as the file says
  int tries = 0;  ///< rounds through the servers; 0: as the file says, or 2
  std::string_view hosts_file = "/etc/hosts";
  std::string_view resolv_conf = "/etc/resolv.conf";
  NameCacheOptions cache = {};
};

/// The C library's getaddrinfo, on threads of the loop's default executor. Python:
/// aiohttp.ThreadedResolver.
struct ThreadedResolver {
  /// How many look-ups may keep a thread busy at once, so that a name server that is silent leaves
  /// some to others; the rest queue.
  std::size_t max_threads = 4;
  NameCacheOptions cache = {};
};

/// A resolver of the program's own: service discovery, names for tests. `loop.set_resolver(
/// std::make_shared<Mine>())`. Python: aiohttp.abc.AbstractResolver.
class AbstractResolver {
 public:
  virtual ~AbstractResolver() = default;
  /// The addresses of `host`, in the order in which to try them, of `family` unless that is 0. One
  /// that has no port (0) gets `port`. Runs as a task of the loop, once at a time for each name and
  /// port, and is cancelled when nobody waits for it any more. What it throws, everybody who asked
  /// gets; no address at all is GaiError EAI_NONAME. It is not asked about numeric addresses, nor
  /// about what is no host name.
  virtual Coro<std::vector<SocketAddress>> resolve(std::string host, int port, int family) = 0;
  /// What is remembered of its answers, which are good for `default_ttl`. Asked once.
  [[nodiscard]] virtual NameCacheOptions cache() const { return {}; }
};

/// What getnameinfo gives.
struct NameInfo {
  std::string host;
  std::string service;
};

namespace detail {

class LookUp;
struct FoundName;

/// One who asks. Cancelling it leaves at once; the last one to leave ends the look-up.
class Resolve final : public Suspend,
                      public AsCoro<Resolve, std::vector<SocketAddress>>,
                      public base::ListNode {
 public:
  Resolve(std::string_view host, std::uint16_t port, ResolveOptions options);
  Resolve(Resolve&& other) noexcept;
  ~Resolve() { leave(); }

  bool await_ready();
  bool await_suspend(Continuation continuation);
  std::vector<SocketAddress> await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class LookUp;
  bool abort() override {
    leave();
    return true;
  }
  bool answer_at_once();
  void leave() noexcept;

  std::string host_;
  ResolveOptions options_;
  std::uint16_t port_;
  std::shared_ptr<LookUp> look_up_;         // while it is under way
  std::shared_ptr<const FoundName> found_;  // shared by all who asked
  std::exception_ptr failure_;
};

/// ValueError unless it is one.
std::uint16_t check_port(int port);

Coro<NameInfo> name_info(SocketAddress address, int flags);

/// From now on the names of this loop are looked up so; what it remembers is forgotten.
void set_resolver(Scheduler& scheduler, const AsyncResolver& resolver);
void set_resolver(Scheduler& scheduler, const ThreadedResolver& resolver);
void set_resolver(Scheduler& scheduler, std::shared_ptr<AbstractResolver> resolver);
void clear_dns_cache(Scheduler& scheduler);

}  // namespace detail

/// The addresses of `host`, in the order in which to try them, each once and at most 64. A numeric
/// host ("127.0.0.1", "::1", "fe80::1%eth0") takes no look-up, and no turn; nor does a name that
/// the loop remembers. However many ask for a name, it is looked up once at a time. By whom:
/// AsyncResolver, ThreadedResolver, AbstractResolver, or ASYNCIO_RESOLVER=threads|cares in the
/// environment.
///
/// Errors: GaiError "getaddrinfo nosuch.invalid: Name or service not known", whose error() is an
/// EAI_ code: EAI_NONAME for a host that does not exist, EAI_AGAIN when no name server could be
/// asked. Before anybody is asked: ValueError for a NUL, a label that is empty or longer than 63,
/// and a port beyond 0-65535; EAI_NONAME for more than 253 characters, for characters that no host
/// name has, and for what is an IPv4 address to some and not to others ("127.1", "0x7f000001").
/// RuntimeError("Executor shutdown has been called") where threads are needed and that was done.
///
/// Cancelling ends the wait at once; a thread that has begun goes on for nobody. Loop thread only.
/// Python: loop.getaddrinfo.
[[nodiscard]] detail::Resolve getaddrinfo(std::string_view host, int port,
                                          ResolveOptions options = {});

/// The name of a host, or its address as text when it has none, and of a service. `flags` are those
/// of the system's getnameinfo (NI_NUMERICHOST ...). Errors: GaiError. On a thread of the default
/// executor. Cancelling ends the wait at once. Loop thread only. Python: loop.getnameinfo.
[[nodiscard]] inline Coro<NameInfo> getnameinfo(const SocketAddress& address, int flags = 0) {
  return detail::name_info(address, flags);
}

}  // namespace asyncio
