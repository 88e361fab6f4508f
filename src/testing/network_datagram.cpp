// Datagrams: each comes whole, or not at all, or twice, or behind a later one. Those of the Unix
// family are sure to come, and whoever sends too many has to wait.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "testing/network_model.hpp"

namespace asyncio::testing::detail {
namespace {

constexpr std::size_t kLargestUdp = 65'507;
// What the kernel counts for each beside its bytes, so that empty ones fill a buffer as well.
constexpr std::size_t kOverhead = 256;

bool is_broadcast(const SocketAddress& address) { return address.host() == "255.255.255.255"; }

bool is_any(const SocketAddress& address) {
  const std::string host = address.host();
  return host == "0.0.0.0" || host == "::";
}

bool reuses_port(const SimSocket& socket) {
  const auto set = socket.options.find({SOL_SOCKET, SO_REUSEPORT});
  return set != socket.options.end() && set->second != 0;
}

bool may_broadcast(const SimSocket& socket) {
  const auto set = socket.options.find({SOL_SOCKET, SO_BROADCAST});
  return set != socket.options.end() && set->second != 0;
}

// Whether a datagram from `from` to `to` is for this socket.
bool takes(const SimSocket& socket, const SocketAddress& from, const SocketAddress& to) {
  if (socket.type != SOCK_DGRAM || !socket.bound || socket.family != to.family()) return false;
  if (socket.local.port() != to.port()) return false;
  if (!(socket.local == to) && !is_any(socket.local)) return false;
  return socket.remote.empty() || socket.remote == from;
}

}  // namespace

bool NetworkModel::datagram_port_taken(const SimSocket& socket, const SocketAddress& wanted) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
    const SimSocket& other = *entry.second;
    if (other.type != SOCK_DGRAM || !other.bound || other.family != wanted.family()) return false;
    if (other.local.port() != wanted.port()) return false;
    if (!(other.local == wanted) && !is_any(other.local) && !is_any(wanted)) return false;
    return !(socket.reuse_address && other.reuse_address) &&
           !(reuses_port(socket) && reuses_port(other));
  });
}

// --- sending ------------------------------------------------------------------------------------

// No handshake: it only says where to and from whom.
int NetworkModel::connect_datagrams(const SocketRef& socket, const SocketAddress& address) {
  if (socket->family == AF_UNIX) {
    SocketRef receiver;
    if (const int found = find_unix_receiver(*socket, address, receiver); found < 0) return found;
    socket->remote = address;
    return 0;
  }
  if (is_broadcast(address) && !may_broadcast(*socket)) return -EACCES;
  if (!exists(address)) return -ENETUNREACH;
  return choose_source(*socket, address);
}

int NetworkModel::find_unix_receiver(const SimSocket& from, const SocketAddress& to,
                                     SocketRef& receiver) const {
  const std::string name = to.host();
  const auto entry = unix_names_.find(name);
  if (entry == unix_names_.end()) return name.starts_with('\0') ? -ECONNREFUSED : -ENOENT;
  receiver = entry->second.socket;
  if (!receiver) return -ECONNREFUSED;
  return receiver->type == from.type ? 0 : -EPROTOTYPE;
}

std::ptrdiff_t NetworkModel::send_to(int fd, std::span<const std::byte> data,
                                     const SocketAddress& to) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->type != SOCK_DGRAM) return -EISCONN;
  if (socket->error != 0) return -std::exchange(socket->error, 0);
  const SocketAddress& target = to.empty() ? socket->remote : to;
  if (target.empty()) return socket->family == AF_UNIX ? -ENOTCONN : -EDESTADDRREQ;
  if (target.family() != socket->family) {
    return socket->family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
  }
  if (socket->family == AF_UNIX) return send_to_path(*socket, data, target);
  if (data.size() > kLargestUdp) return -EMSGSIZE;
  if (target.port() == 0) return -EINVAL;
  const bool to_all = is_broadcast(target);
  if (to_all && !may_broadcast(*socket)) return -EACCES;
  if (!to_all && !exists(target)) return -ENETUNREACH;
  if (!socket->bound) {
    if (const int chosen = choose_port(socket->local); chosen < 0) return chosen;
    socket->bound = true;
  }
  if (socket->on_way > 0 && socket->on_way + data.size() + kOverhead > socket->buffer) {
    socket->no_space = true;
    return -EAGAIN;
  }
  const std::string bytes(reinterpret_cast<const char*>(data.data()), data.size());
  send_over_link(socket, {source_of(*socket, target), target, bytes});
  return static_cast<std::ptrdiff_t>(data.size());
}

SocketAddress NetworkModel::source_of(const SimSocket& socket, const SocketAddress& to) {
  if (!is_any(socket.local)) return socket.local;
  const std::string target = to.host();
  const bool v4 = to.family() == AF_INET;
  const bool loopback = target.starts_with("127.") || target == "::1";
  SocketAddress from;
  const std::string home = v4 ? kHome4 : kHome6;
  SocketAddress::parse(loopback ? target : home, socket.local.port(), from);
  return from;
}

void NetworkModel::send_over_link(const SocketRef& sender, SimDatagram datagram) {
  const LinkOptions link = link_between(datagram.from, datagram.to);
  Nanoseconds arrival = *now_ + delay_between(datagram.from, datagram.to);
  if (link.bytes_per_second != 0) {
    const Nanoseconds takes_time(datagram.bytes.size() * 1'000'000'000U / link.bytes_per_second);
    sender->last_arrival = std::max(sender->last_arrival, *now_) + takes_time;
    arrival += sender->last_arrival - *now_;
  }
  if (chance_->one_in(link.reorder_one_in)) arrival += 4 * (link.latency + link.jitter);
  sender->on_way += datagram.bytes.size() + kOverhead;
  datagram.lost = is_blocked(datagram.from, datagram.to) || chance_->one_in(link.lose_one_in);
  const bool twice = !datagram.lost && chance_->one_in(link.duplicate_one_in);
  note(datagram.lost ? "datagram lost" : "datagram", *sender,
       static_cast<std::int64_t>(datagram.bytes.size()));
  if (twice) {
    SimDatagram copy = datagram;
    copy.is_copy = true;
    schedule_datagram(arrival + link.latency, sender, std::move(copy));
  }
  schedule_datagram(arrival, sender, std::move(datagram));
}

void NetworkModel::schedule_datagram(Nanoseconds when, const SocketRef& sender,
                                     SimDatagram datagram) {
  events_.push_back({when, next_order_++, Event::Kind::datagram, sender,
                     std::make_shared<SimDatagram>(std::move(datagram))});
  std::push_heap(events_.begin(), events_.end(), &later);
}

std::ptrdiff_t NetworkModel::send_to_path(SimSocket& from, std::span<const std::byte> data,
                                          const SocketAddress& to) {
  SocketRef receiver;
  if (const int found = find_unix_receiver(from, to, receiver); found < 0) return found;
  if (data.size() > from.buffer) return -EMSGSIZE;
  if (!receiver->datagrams.empty() &&
      receiver->waiting + data.size() + kOverhead > receiver->buffer) {
    from.no_space = true;
    return -EAGAIN;
  }
  const std::string bytes(reinterpret_cast<const char*>(data.data()), data.size());
  take_in(receiver, {from.local, to, bytes});
  return static_cast<std::ptrdiff_t>(data.size());
}

// --- arriving -----------------------------------------------------------------------------------

void NetworkModel::on_datagram(const SocketRef& sender, const SimDatagram& datagram) {
  if (!datagram.is_copy) leave_way(sender, datagram.bytes.size());
  if (datagram.lost) return;
  std::vector<SocketRef> receivers;
  for (const auto& [fd, socket] : sockets_) {
    SocketAddress to = datagram.to;
    if (is_broadcast(to)) to = socket->local;
    if (to.port() == datagram.to.port() && takes(*socket, datagram.from, to)) {
      receivers.push_back(socket);
    }
  }
  if (receivers.empty()) {
    const Nanoseconds back = *now_ + delay_between(datagram.to, datagram.from);
    return schedule(back, Event::Kind::unreachable, sender);
  }
  if (!is_broadcast(datagram.to)) {
    // One that is connected to the sender is meant rather than one that takes all.
    const auto meant = std::find_if(receivers.begin(), receivers.end(),
                                    [](const SocketRef& one) { return !one->remote.empty(); });
    receivers = {meant == receivers.end() ? receivers.front() : *meant};
  }
  for (const SocketRef& receiver : receivers) {
    if (!receiver->datagrams.empty() &&
        receiver->waiting + datagram.bytes.size() + kOverhead > receiver->buffer) {
      note("datagram dropped", *receiver, static_cast<std::int64_t>(datagram.bytes.size()));
    } else {
      take_in(receiver, datagram);
    }
  }
}

void NetworkModel::take_in(const SocketRef& receiver, SimDatagram datagram) {
  receiver->waiting += datagram.bytes.size() + kOverhead;
  receiver->datagrams.push_back(std::move(datagram));
  mark(receiver);
}

void NetworkModel::leave_way(const SocketRef& sender, std::size_t bytes) {
  sender->on_way -= bytes + kOverhead;
  if (!sender->no_space || sender->on_way * 3 > sender->buffer * 2) return;
  sender->no_space = false;
  mark(sender);
}

// What the other host's ICMP says reaches only sockets that are connected there.
void NetworkModel::on_unreachable(const SocketRef& sender) {
  if (sender->closed || sender->remote.empty()) return;
  sender->error = ECONNREFUSED;
  note("unreachable", *sender, 0);
  mark(sender);
}

NetworkModel::Edge NetworkModel::datagram_edge(const SimSocket& socket) noexcept {
  return {.readable = !socket.datagrams.empty() || socket.error != 0,
          .writable = !socket.no_space || socket.error != 0};
}

std::ptrdiff_t NetworkModel::recv_from(int fd, std::span<std::byte> room, ReceivedDatagram& info) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->type != SOCK_DGRAM) return -EOPNOTSUPP;
  if (socket->error != 0) return -std::exchange(socket->error, 0);
  if (socket->datagrams.empty()) return -EAGAIN;
  const SimDatagram datagram = std::move(socket->datagrams.front());
  socket->datagrams.pop_front();
  socket->waiting -= datagram.bytes.size() + kOverhead;
  const std::size_t count = std::min(datagram.bytes.size(), room.size());
  if (count > 0) std::memcpy(room.data(), datagram.bytes.data(), count);
  info.from = datagram.from;
  info.truncated = count < datagram.bytes.size();
  if (socket->family == AF_UNIX) {
    for (const auto& [number, sender] : sockets_) {
      if (sender->type != SOCK_DGRAM || sender->family != AF_UNIX) continue;
      if (std::exchange(sender->no_space, false)) mark(sender);
    }
  }
  return static_cast<std::ptrdiff_t>(count);
}

}  // namespace asyncio::testing::detail
