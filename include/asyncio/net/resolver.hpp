// Names to addresses.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

namespace detail {

class ResolveJob;

/// One look-up. Cancelling it leaves at once; a thread that has begun finishes for nobody.
class Resolve final : public Suspend, public AsCoro<Resolve, std::vector<SocketAddress>> {
 public:
  explicit Resolve(ResolveQuery query);
  Resolve(Resolve&& other) noexcept;
  ~Resolve();

  bool await_ready();
  bool await_suspend(Continuation continuation);
  std::vector<SocketAddress> await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class ResolveJob;
  bool abort() override;
  void forget_job() noexcept;

  ResolveQuery query_;
  ResolveAnswer answer_;
  std::exception_ptr failure_;
  ResolveJob* job_ = nullptr;
};

/// ValueError unless it is one.
std::uint16_t check_port(int port);

}  // namespace detail

/// Options of getaddrinfo.
struct ResolveOptions {
  int family = 0;        ///< AF_INET or AF_INET6; 0: both
  bool passive = false;  ///< to listen on: an empty host is any address instead of loopback
};

/// The addresses of `host`, in the order in which to try them. A numeric host ("127.0.0.1", "::1")
/// takes no look-up; a name is looked up on a thread of the loop's default executor, as to_thread
/// does. Errors: GaiError "getaddrinfo nosuch.invalid: Name or service not known"; ValueError for a
/// port beyond 0-65535; RuntimeError("Executor shutdown has been called") after
/// shutdown_default_executor. Cancelling ends the wait at once; a look-up that has begun goes on
/// for nobody, one that has not never begins. Loop thread only. Python: loop.getaddrinfo.
[[nodiscard]] detail::Resolve getaddrinfo(std::string_view host, int port,
                                          ResolveOptions options = {});

}  // namespace asyncio
