#include "asyncio/net/tcp.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio::detail {
namespace {

// A connected descriptor, on its way from the socket that connected it to the connection.
class FreshConnection {
 public:
  explicit FreshConnection(Scheduler& scheduler, std::size_t limit)
      : connection_(new Connection(scheduler, -1, limit)) {}

  [[nodiscard]] Socket& socket() const noexcept { return *connection_; }
  [[nodiscard]] StreamPair streams(const SocketAddress& peer) const {
    connection_->set_peer(peer);
    return {StreamReader(Ref<ReadSide>(connection_.get())), StreamWriter(connection_)};
  }

 private:
  Ref<Connection> connection_;
};

int prepare(Socket& socket, const SocketAddress& to, const SocketAddress& from) noexcept {
  const int opened = socket.open(to.family(), SOCK_STREAM);
  if (opened < 0) return opened;
  socket.set_option(IPPROTO_TCP, TCP_NODELAY, 1);
  return from.empty() ? 0 : socket.bind(from);
}

// A function of its own: g++ 12 destroys what a ?: gives twice inside an expression with co_await.
std::exception_ptr preparation_error(int error, bool opened, const SocketAddress& from) {
  return opened ? make_os_error(error, "bind", from.to_string()) : make_os_error(error, "socket");
}

Coro<StreamPair> connect_one(SocketAddress address, SocketAddress from, std::size_t limit) {
  Scheduler& scheduler = running_scheduler();
  const FreshConnection fresh(scheduler, limit);
  const int prepared = prepare(fresh.socket(), address, from);
  if (prepared < 0) {
    co_await raise(preparation_error(-prepared, fresh.socket().is_open(), from));
  }
  co_await pass(fresh.socket().connect(address));
  co_return fresh.streams(address);
}

// One error as it is; several that say the same as the first; else one that lists them.
std::exception_ptr merge(const std::vector<std::exception_ptr>& errors) {
  std::string all;
  bool same = true;
  std::string first;
  int code = 0;
  for (const std::exception_ptr& error : errors) {
    std::string text;
    try {
      std::rethrow_exception(error);
    } catch (const OSError& e) {
      text = e.what();
      code = e.error();
    } catch (...) {
      text = base::describe(error);
    }
    if (all.empty()) first = text;
    same = same && text == first;
    all += (all.empty() ? "" : ", ") + text;
  }
  if (same) return errors.front();
  return std::make_exception_ptr(OSError(code, "Multiple exceptions", all));
}

}  // namespace

Coro<StreamPair> connect_any(std::vector<SocketAddress> addresses, SocketAddress from,
                             std::size_t limit) {
  std::vector<std::exception_ptr> errors;
  for (const SocketAddress& address : addresses) {
    if (!from.empty() && from.family() != address.family()) continue;
    Result<StreamPair> result = co_await try_(connect_one(address, from, limit));
    if (result.ok()) co_return std::move(result).value();
    const bool operating_error = base::exception_is<OSError>(result.exception());
    if (!operating_error) co_await raise(result.exception());  // cancelled
    errors.push_back(result.exception());
  }
  if (errors.empty()) {
    co_await raise<OSError>(EADDRNOTAVAIL, "connect: no address of the family of the local one");
  }
  co_await raise(merge(errors));
  std::terminate();  // raise() does not come back
}

Coro<StreamPair> connect_tcp(std::string host, int port, int family, std::string local_host,
                             int local_port, std::size_t limit) {
  SocketAddress from;
  if (!local_host.empty() || local_port != 0) {
    const std::string_view any = family == AF_INET6 ? "::" : "0.0.0.0";
    const bool parsed =
        SocketAddress::parse(local_host.empty() ? any : local_host, check_port(local_port), from);
    if (!parsed) co_await raise<ValueError>("the local address must be numeric: " + local_host);
  }
  ResolveOptions options;
  options.family = family;
  std::vector<SocketAddress> addresses = co_await pass(getaddrinfo(host, port, options));
  co_return co_await pass(connect_any(std::move(addresses), from, limit));
}

}  // namespace asyncio::detail
