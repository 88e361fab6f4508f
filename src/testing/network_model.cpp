#include "testing/network_model.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "testing/descriptor_numbers.hpp"

namespace asyncio::testing::detail {
namespace {

constexpr std::uint16_t kFirstPort = 32'768;

bool is_wildcard(const SocketAddress& address) {
  const std::string host = address.host();
  return host == "0.0.0.0" || host == "::";
}

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1"; }

SocketAddress with_port(const SocketAddress& address, std::uint16_t port) {
  SocketAddress out;
  SocketAddress::parse(address.host(), port, out);
  return out;
}

SocketAddress parsed(const std::string& host, std::uint16_t port) {
  SocketAddress out;
  SocketAddress::parse(host, port, out);
  return out;
}

}  // namespace

NetworkModel::~NetworkModel() {
  for (const auto& [fd, socket] : sockets_) {
    socket->queue.clear();
    release_descriptor_number(fd);
  }
  for (const SocketRef& socket : connections_) socket->peer = socket->listener = nullptr;
}

// --- names and distances
// --------------------------------------------------------------------------

SocketRef NetworkModel::find(int fd) const noexcept {
  const auto at = sockets_.find(fd);
  return at == sockets_.end() ? nullptr : at->second;
}

std::int64_t NetworkModel::number_of(int fd) const noexcept {
  const auto at = sockets_.find(fd);
  return at == sockets_.end() ? -1 : at->second->number;
}

bool NetworkModel::exists(const SocketAddress& address) const {
  const std::string host = address.host();
  return is_wildcard(address) || is_loopback(host) || host == kHome4 || host == kHome6 ||
         hosts.contains(host);
}

SocketRef NetworkModel::listener_at(const SocketAddress& address) const {
  SocketRef any;
  for (const SocketRef& listener : listeners_) {
    if (listener->local == address) return listener;
    if (listener->family == address.family() && listener->local.port() == address.port() &&
        is_wildcard(listener->local)) {
      any = listener;
    }
  }
  return any;
}

bool NetworkModel::port_taken(const SocketAddress& address, bool reuse) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
    const SimSocket& other = *entry.second;
    if (!other.bound || other.family != address.family() || other.type == SOCK_DGRAM) return false;
    if (other.local.port() != address.port()) return false;
    if (!(other.local == address) && !is_wildcard(other.local) && !is_wildcard(address))
      return false;
    return other.state == SimSocket::State::listening || !reuse || !other.reuse_address;
  });
}

// Free ports are given in turn, so that an old connection's is not had again at once.
int NetworkModel::choose_port(SocketAddress& address) {
  for (std::size_t tries = 0; tries < local_ports; ++tries) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + next_port_);
    next_port_ = static_cast<std::uint16_t>((next_port_ + 1) % local_ports);
    const SocketAddress candidate = with_port(address, port);
    if (port_taken(candidate, false)) continue;
    address = candidate;
    return 0;
  }
  return -EADDRNOTAVAIL;
}

bool NetworkModel::is_blocked(const SocketAddress& from, const SocketAddress& to) const {
  return !blocked.empty() && blocked.contains({from.host(), to.host()});
}

LinkOptions NetworkModel::link_between(const SocketAddress& from, const SocketAddress& to) const {
  if (links.empty()) return default_link;
  const auto at = links.find({from.host(), to.host()});
  return at == links.end() ? default_link : at->second;
}

Nanoseconds NetworkModel::delay_between(const SocketAddress& from, const SocketAddress& to) {
  const LinkOptions link = link_between(from, to);
  Nanoseconds delay = link.latency;
  if (link.jitter.count() > 0) {
    delay += Nanoseconds(chance_->below(static_cast<std::uint64_t>(link.jitter.count())));
  }
  return delay;
}

ResolveAnswer NetworkModel::resolve(const ResolveQuery& query, Nanoseconds& delay) {
  ResolveAnswer answer;
  std::vector<std::string> found;
  SocketAddress numeric;
  if (query.host.empty()) {
    found = query.passive ? std::vector<std::string>{"0.0.0.0", "::"}
                          : std::vector<std::string>{"127.0.0.1", "::1"};
  } else if (const auto entry = answers.find(query.host); entry != answers.end()) {
    const Answer now = entry->second.front();
    if (entry->second.size() > 1) entry->second.pop_front();
    delay = now.delay;
    answer.error = now.error;
    found = now.addresses;
  } else if (SocketAddress::parse(query.host, 0, numeric)) {
    found = {query.host};
  } else if (query.host == "localhost") {
    found = {"127.0.0.1", "::1"};
  } else {
    for (const auto& [address, name] : hosts) {
      if (name == query.host) found.push_back(address);
    }
  }
  const auto port = static_cast<std::uint16_t>(
      query.service.empty() ? 0 : std::strtoul(query.service.c_str(), nullptr, 10));
  for (const std::string& host : found) {
    const SocketAddress address = parsed(host, port);
    if (query.family == 0 || query.family == address.family()) answer.addresses.push_back(address);
  }
  if (answer.error == 0 && answer.addresses.empty()) {
    answer.error = found.empty() ? EAI_NONAME : EAI_ADDRFAMILY;
  }
  if (answer.error != 0) {
    answer.addresses.clear();
    answer.reason = ::gai_strerror(answer.error);
  }
  return answer;
}

// --- events and edges
// -----------------------------------------------------------------------------

void NetworkModel::note(const char* name, const SimSocket& socket, std::int64_t result) {
  trace_->add(*now_ - *start_, name, socket.number, result);
}

void NetworkModel::schedule(Nanoseconds when, Event::Kind kind, const SocketRef& subject) {
  events_.push_back({when, next_order_++, kind, subject, nullptr});
  std::push_heap(events_.begin(), events_.end(), &later);
}

Nanoseconds NetworkModel::next_event() const noexcept {
  return events_.empty() ? Nanoseconds::max() : events_.front().when;
}

void NetworkModel::run_due() {
  while (!events_.empty() && events_.front().when <= *now_) {
    std::pop_heap(events_.begin(), events_.end(), &later);
    const Event event = std::move(events_.back());
    events_.pop_back();
    run(event);
  }
}

void NetworkModel::run(const Event& event) {
  switch (event.kind) {
    case Event::Kind::arrival:
      return on_arrival(event.subject);
    case Event::Kind::syn:
      return on_syn(event.subject);
    case Event::Kind::syn_answer:
      return on_syn_answer(event.subject);
    case Event::Kind::refused:
      return fail_connect(event.subject, ECONNREFUSED);
    case Event::Kind::timed_out:
      return fail_connect(event.subject, ETIMEDOUT);
    case Event::Kind::room:
      event.subject->stalled = false;
      event.subject->no_space = false;
      return mark(event.subject);
    case Event::Kind::reveal:
      return mark(event.subject);
    case Event::Kind::datagram:
      return on_datagram(event.subject, *event.datagram);
    case Event::Kind::unreachable:
      return on_unreachable(event.subject);
  }
}

// As epoll's ready list: what is told is the state at the time of telling, once for each edge.
void NetworkModel::mark(const SocketRef& socket) {
  if (socket->descriptor == nullptr || socket->listed) return;
  socket->listed = true;
  edges_.push_back(socket);
}

void NetworkModel::dispatch(bool shuffle) {
  std::vector<SocketRef> batch = std::exchange(edges_, {});
  if (shuffle) {
    for (std::size_t i = batch.size(); i > 1; --i) {
      std::swap(batch[i - 1], batch[chance_->below(i)]);
    }
  }
  for (const SocketRef& socket : batch) {
    socket->listed = false;
    if (socket->descriptor == nullptr) continue;  // unwatched by one before it
    const auto [readable, writable, hung_up] = edge_of(*socket);
    if (socket->state == SimSocket::State::open && !writable) socket->no_space = true;
    if (!readable && !writable && !hung_up) continue;
    note("ready", *socket, (readable ? 1 : 0) + (writable ? 2 : 0) + (hung_up ? 4 : 0));
    socket->descriptor->on_event(readable, writable, hung_up);
  }
}

NetworkModel::Edge NetworkModel::edge_of(const SimSocket& socket) const noexcept {
  if (socket.type == SOCK_DGRAM) return datagram_edge(socket);
  switch (socket.state) {
    case SimSocket::State::fresh:
      return {.writable = true, .hung_up = true};
    case SimSocket::State::listening:
      return {.readable = !socket.queue.empty()};
    case SimSocket::State::connecting:
      return {};
    case SimSocket::State::open:
      return {.readable = socket.arrived > 0 || socket.fin_seen,
              .writable = socket.fin_sent || room_for(socket) * 3 >= socket.buffer,
              .hung_up = socket.fin_seen};
    case SimSocket::State::dead:
      return {.readable = true, .writable = true, .hung_up = true};
  }
  return {};
}

int NetworkModel::poll_now(int fd, Readiness& ready) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  const Edge edge = edge_of(*socket);
  const bool ended = socket->type != SOCK_DGRAM && (socket->state == SimSocket::State::fresh ||
                                                    socket->state == SimSocket::State::dead);
  ready.readable = edge.readable || ended;
  ready.writable = edge.writable || ended;
  // Whoever finds no room is told when there is.
  if (socket->state == SimSocket::State::open && !edge.writable) socket->no_space = true;
  return 0;
}

int NetworkModel::watch(Descriptor& descriptor) {
  const SocketRef socket = find(descriptor.fd);
  if (!socket) return -EBADF;
  if (socket->descriptor != nullptr) return -EEXIST;
  socket->descriptor = &descriptor;
  // Registering reports what is ready at that moment.
  mark(socket);
  return 0;
}

void NetworkModel::unwatch(const Descriptor& descriptor) noexcept {
  const SocketRef socket = find(descriptor.fd);
  if (socket && socket->descriptor == &descriptor) socket->descriptor = nullptr;
}

// --- sockets
// --------------------------------------------------------------------------------------

int NetworkModel::install(const SocketRef& socket) {
  const int fd = reserve_descriptor_number();
  if (fd < 0) return fd;
  socket->fd = fd;
  sockets_.emplace(fd, socket);
  return fd;
}

int NetworkModel::socket(int family, int type, std::size_t limit) {
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return -EAFNOSUPPORT;
  if ((type & 0xf) != SOCK_STREAM && (type & 0xf) != SOCK_DGRAM) return -EPROTONOSUPPORT;
  if (sockets_.size() >= limit) return -EMFILE;
  auto socket = std::make_shared<SimSocket>();
  socket->number = next_number_++;
  socket->family = family;
  socket->type = type & 0xf;
  socket->local =
      family == AF_UNIX ? unnamed_unix_address() : parsed(family == AF_INET ? "0.0.0.0" : "::", 0);
  socket->buffer = buffer;
  return install(socket);
}

int NetworkModel::bind(int fd, const SocketAddress& address) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->bound || socket->state != SimSocket::State::fresh) return -EINVAL;
  if (address.family() != socket->family) {
    return socket->family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
  }
  if (socket->family == AF_UNIX) return bind_unix(socket, address);
  if (!exists(address)) return -EADDRNOTAVAIL;
  SocketAddress wanted = address;
  if (wanted.port() == 0) {
    if (choose_port(wanted) < 0) return -EADDRINUSE;
  } else if (socket->type == SOCK_DGRAM ? datagram_port_taken(*socket, wanted)
                                        : port_taken(wanted, socket->reuse_address)) {
    return -EADDRINUSE;
  }
  socket->local = wanted;
  socket->bound = true;
  return 0;
}

int NetworkModel::set_option(int fd, int level, int option, int value) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (level == SOL_SOCKET && option == SO_REUSEADDR) socket->reuse_address = value != 0;
  socket->options[{level, option}] = value;
  return 0;
}

int NetworkModel::get_option(int fd, int level, int option, int& value) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  const auto set = socket->options.find({level, option});
  value = set == socket->options.end() ? 0 : set->second;
  if (level != SOL_SOCKET) return 0;
  if (option == SO_TYPE) value = socket->type;
  if (option == SO_ERROR) value = std::exchange(socket->error, 0);
  if (option == SO_ACCEPTCONN) value = socket->state == SimSocket::State::listening ? 1 : 0;
  return 0;
}

int NetworkModel::socket_error(int fd) {
  const SocketRef socket = find(fd);
  return socket ? std::exchange(socket->error, 0) : EBADF;
}

int NetworkModel::local_address(int fd, SocketAddress& out) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  out = socket->local;
  return 0;
}

int NetworkModel::peer_address(int fd, SocketAddress& out) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  const bool connected = socket->type == SOCK_DGRAM ? !socket->remote.empty()
                                                    : socket->state == SimSocket::State::open;
  if (!connected) return -ENOTCONN;
  out = socket->remote;
  return 0;
}

void NetworkModel::close(int fd) noexcept {
  const SocketRef socket = find(fd);
  if (!socket) return;
  note("close", *socket, 0);
  sockets_.erase(fd);
  release_descriptor_number(fd);
  socket->fd = -1;
  socket->descriptor = nullptr;
  socket->closed = true;
  if (socket->family == AF_UNIX && socket->bound) leave_unix_name(socket);
  switch (socket->state) {
    case SimSocket::State::listening:
      close_listener(socket);
      break;
    case SimSocket::State::connecting:
      if (socket->peer) send_reset(socket);
      socket->state = SimSocket::State::dead;
      break;
    case SimSocket::State::open:
      // What the peer sent and nobody read is lost, and the peer is to know.
      if (socket->arrived > 0 || socket->reset_at_close) {
        send_reset(socket);
      } else if (!socket->fin_sent) {
        socket->fin_sent = true;
        send_segment(socket, Segment::Kind::fin, 0);
      }
      break;
    case SimSocket::State::fresh:
    case SimSocket::State::dead:
      break;
  }
  forget_if_gone(socket);
}

void NetworkModel::heal() {
  blocked.clear();
  for (const SocketRef& socket : connections_) {
    if (socket->incoming.empty()) continue;
    const Nanoseconds delay = delay_between(socket->remote, socket->local);
    for (Segment& segment : socket->incoming) {
      segment.arrival = std::max(segment.arrival, *now_ + delay);
      schedule(segment.arrival, Event::Kind::arrival, socket);
      socket->last_arrival = std::max(socket->last_arrival, segment.arrival);
    }
  }
}

void NetworkModel::reset_at_close(int fd) {
  if (const SocketRef socket = find(fd)) socket->reset_at_close = true;
}

void NetworkModel::reset_all() {
  const std::vector<SocketRef> all = connections_;
  for (const SocketRef& socket : all) {
    if (socket->state == SimSocket::State::open) end_with(socket, ECONNRESET);
  }
}

}  // namespace asyncio::testing::detail
