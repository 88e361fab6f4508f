#include "asyncio/net/datagram.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/task/future.hpp"
#include "streams/datagram_state.hpp"

namespace asyncio::detail {
namespace {

// What a socket is to be: where it is bound to and where it goes. Either may be empty.
struct Plan {
  int family = 0;
  SocketAddress local;
  SocketAddress remote;
};

// The options, with texts of their own.
struct Request {
  explicit Request(const DatagramOptions& options)
      : local_host(options.local_addr.host),
        remote_host(options.remote_addr.host),
        local_port(options.local_addr.port),
        remote_port(options.remote_addr.port),
        family(options.family),
        sock(options.sock),
        reuse_port(options.reuse_port),
        allow_broadcast(options.allow_broadcast) {}

  [[nodiscard]] bool has_local() const noexcept { return !local_host.empty() || local_port != 0; }
  [[nodiscard]] bool has_remote() const noexcept {
    return !remote_host.empty() || remote_port != 0;
  }

  std::string local_host;
  std::string remote_host;
  int local_port;
  int remote_port;
  int family;
  int sock;
  bool reuse_port;
  bool allow_broadcast;
};

std::exception_ptr value_error(const std::string& text) {
  return std::make_exception_ptr(ValueError(text));
}

// --- a socket of the program's own --------------------------------------------------------------

std::exception_ptr find_mistake(const Request& request) {
  if (request.sock < 0) {
    const bool nothing = !request.has_local() && !request.has_remote() && request.family == 0;
    return nothing ? value_error("unexpected address family") : nullptr;
  }
  std::string others;
  const auto note = [&](bool given, const char* name) {
    if (given) others += (others.empty() ? "" : ", ") + std::string(name);
  };
  note(request.has_local(), "local_addr");
  note(request.has_remote(), "remote_addr");
  note(request.family != 0, "family");
  note(request.reuse_port, "reuse_port");
  note(request.allow_broadcast, "allow_broadcast");
  if (others.empty()) return nullptr;
  return value_error("socket modifier keyword arguments can not be used when sock is specified. (" +
                     others + ")");
}

std::exception_ptr adopt_socket(DatagramState& state, int sock) {
  Backend& backend = state.scheduler().backend();
  int type = 0;
  const int asked = backend.get_option(sock, SOL_SOCKET, SO_TYPE, type);
  if (asked == -EBADF) return make_os_error(EBADF, "sock", std::to_string(sock));
  state.adopt(sock);
  if (asked < 0 || type != SOCK_DGRAM) {
    return value_error("A datagram socket was expected, got descriptor " + std::to_string(sock));
  }
  if (const int set = backend.set_blocking(sock, false); set < 0) {
    return make_os_error(-set, "set_blocking");
  }
  const SocketAddress peer = state.peer_address();
  state.set_destination(peer, !peer.empty());
  return nullptr;
}

// --- one that is made ---------------------------------------------------------------------------

// What an earlier run has left behind; a socket that somebody uses is not told apart, as in Python.
void remove_stale_path(Backend& backend, const std::string& path) {
  FileIdentity identity;
  if (path.empty() || path.front() == '\0') return;
  if (backend.identify_file(path, identity) < 0 || !identity.is_socket) return;
  if (const int removed = backend.unlink(path); removed < 0) {
    log(LogLevel::error, "Unable to remove stale UNIX socket " + path);
  }
}

std::exception_ptr set_up(DatagramState& state, const Plan& plan, const Request& request) {
  if (const int opened = state.open(plan.family, SOCK_DGRAM); opened < 0) {
    return make_os_error(-opened, "socket");
  }
  if (request.reuse_port) {
    const int set = state.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
    if (set < 0) return make_os_error(-set, "SO_REUSEPORT");
  }
  if (request.allow_broadcast) {
    const int set = state.set_option(SOL_SOCKET, SO_BROADCAST, 1);
    if (set < 0) return make_os_error(-set, "SO_BROADCAST");
  }
  if (!plan.local.empty()) {
    const int bound = state.bind(plan.local);
    if (bound < 0) return make_os_error(-bound, "bind", plan.local.to_string());
  }
  const bool connects = !plan.remote.empty() && !request.allow_broadcast;
  if (connects) {
    const int connected = state.scheduler().backend().connect(state.Socket::fileno(), plan.remote);
    if (connected < 0) return make_os_error(-connected, "connect", plan.remote.to_string());
  }
  state.set_destination(plan.remote, connects);
  return nullptr;
}

// One plan for each family that both addresses have, in the order of the look-ups.
std::vector<Plan> join_by_family(const std::vector<SocketAddress>& locals,
                                 const std::vector<SocketAddress>& remotes, bool needs_both) {
  std::vector<Plan> plans;
  const auto add = [&](const SocketAddress& address, SocketAddress Plan::* place) {
    auto plan = std::find_if(plans.begin(), plans.end(),
                             [&](const Plan& one) { return one.family == address.family(); });
    if (plan == plans.end()) plan = plans.insert(plan, Plan{.family = address.family()});
    if (((*plan).*place).empty()) (*plan).*place = address;
  };
  for (const SocketAddress& address : locals) add(address, &Plan::local);
  for (const SocketAddress& address : remotes) add(address, &Plan::remote);
  std::erase_if(plans, [&](const Plan& one) {
    return needs_both && (one.local.empty() || one.remote.empty());
  });
  return plans;
}

Plan plan_for_paths(const Request& request) {
  Plan plan;
  plan.family = AF_UNIX;
  if (request.has_local()) plan.local = SocketAddress::unix_path(request.local_host);
  if (request.has_remote()) plan.remote = SocketAddress::unix_path(request.remote_host);
  return plan;
}

Coro<std::vector<Plan>> make_plans(const Request& request) {
  std::vector<Plan> plans;
  if (request.family == AF_UNIX) {
    plans.push_back(plan_for_paths(request));
    co_return plans;
  }
  if (!request.has_local() && !request.has_remote()) {
    plans.push_back(Plan{.family = request.family});
    co_return plans;
  }
  ResolveOptions how;
  how.family = request.family;
  std::vector<SocketAddress> locals;
  std::vector<SocketAddress> remotes;
  if (request.has_remote()) {
    remotes = co_await pass(getaddrinfo(request.remote_host, request.remote_port, how));
  }
  if (request.has_local()) {
    how.passive = true;
    locals = co_await pass(getaddrinfo(request.local_host, request.local_port, how));
  }
  plans = join_by_family(locals, remotes, request.has_local() && request.has_remote());
  co_return plans;
}

Coro<Ref<TransportState>> open_as_asked(Request request) {
  std::exception_ptr failure = find_mistake(request);
  Scheduler& scheduler = running_scheduler();
  Ref<DatagramState> state(new DatagramState(scheduler));
  if (request.sock >= 0) {
    const std::exception_ptr refused = adopt_socket(*state, request.sock);
    if (!failure) failure = refused;
  }
  if (failure) co_await raise(failure);
  if (request.sock >= 0) co_return Ref<TransportState>(state.get());
  std::vector<Plan> plans = co_await pass(make_plans(request));
  if (plans.empty()) co_await raise<ValueError>("can not get address information");
  if (request.family == AF_UNIX) remove_stale_path(scheduler.backend(), request.local_host);
  for (const Plan& plan : plans) {
    const std::exception_ptr error = set_up(*state, plan, request);
    if (!error) co_return Ref<TransportState>(state.get());
    if (!failure) failure = error;
  }
  co_await raise(failure);
  std::terminate();  // raise() does not come back
}

}  // namespace

Coro<Ref<TransportState>> open_datagrams(const DatagramOptions& options) {
  return open_as_asked(Request(options));
}

}  // namespace asyncio::detail
