// How connections come to be: listening, the three steps of the handshake, and what goes wrong in
// it.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "testing/network_model.hpp"

namespace asyncio::testing::detail {
namespace {

constexpr std::chrono::seconds kSynRetry{1};  // then 2, 4, 8 ...
constexpr int kSynAttempts = 7;               // 127 s in all, as Linux has it

}  // namespace

int NetworkModel::listen(int fd, int backlog) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->type == SOCK_DGRAM) return -EOPNOTSUPP;
  if (socket->state == SimSocket::State::listening) return 0;
  if (socket->state != SimSocket::State::fresh) return -EINVAL;
  if (!socket->bound && socket->family == AF_UNIX) return -EINVAL;
  if (!socket->bound) {
    if (choose_port(socket->local) < 0) return -EADDRINUSE;
    socket->bound = true;
  } else if (socket->family == AF_UNIX) {
    // Its name is its own; bind() has seen to that.
  } else if (const SocketRef other = listener_at(socket->local); other != nullptr) {
    if (other->local == socket->local) return -EADDRINUSE;
  }
  socket->state = SimSocket::State::listening;
  socket->backlog = static_cast<std::size_t>(std::clamp(backlog, 0, 4096));
  listeners_.push_back(socket);
  return 0;
}

int NetworkModel::accept(int fd, SocketAddress& peer, std::size_t limit) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->state != SimSocket::State::listening) return -EINVAL;
  if (sockets_.size() >= limit) return -EMFILE;
  if (socket->queue.empty()) return -EAGAIN;
  const SocketRef connection = socket->queue.front();
  const int accepted = install(connection);
  if (accepted < 0) return accepted;
  socket->queue.pop_front();
  connection->listener = nullptr;
  peer = connection->remote;
  return accepted;
}

int NetworkModel::connect(int fd, const SocketAddress& address) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (address.family() != socket->family) {
    return socket->family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
  }
  if (socket->type == SOCK_DGRAM) return connect_datagrams(socket, address);
  switch (socket->state) {
    case SimSocket::State::connecting:
      return -EALREADY;
    case SimSocket::State::open:
      return std::exchange(socket->told_connected, true) ? -EISCONN : 0;
    case SimSocket::State::listening:
      return socket->family == AF_UNIX ? -EINVAL : -EISCONN;
    case SimSocket::State::fresh:
    case SimSocket::State::dead:
      break;
  }
  if (socket->family == AF_UNIX) return connect_unix(socket, address);
  if (!exists(address)) return -ENETUNREACH;
  if (const int chosen = choose_source(*socket, address); chosen < 0) return chosen;
  socket->state = SimSocket::State::connecting;
  socket->error = 0;
  socket->syn_attempts = 0;
  socket->flow = Flow::to_server;
  socket->connection = sent.size();
  sent.push_back({0, 0});
  schedule(*now_ + delay_between(socket->local, socket->remote), Event::Kind::syn, socket);
  return -EINPROGRESS;
}

// The address it comes from: what it is bound to, else loopback to loopback and home to the rest.
int NetworkModel::choose_source(SimSocket& socket, const SocketAddress& to) {
  const bool v4 = to.family() == AF_INET;
  std::string target = to.host();
  if (target == "0.0.0.0") target = "127.0.0.1";
  if (target == "::") target = "::1";
  const bool loopback = target.starts_with("127.") || target == "::1";
  std::string source = socket.local.host();
  if (source == "0.0.0.0" || source == "::") {
    const std::string home = v4 ? kHome4 : kHome6;
    source = loopback ? target : home;
  }
  SocketAddress from;
  SocketAddress::parse(source, socket.local.port(), from);
  if (from.port() == 0) {
    if (const int chosen = choose_port(from); chosen < 0) return chosen;
  }
  SocketAddress::parse(target, to.port(), socket.remote);
  socket.local = from;
  socket.bound = true;
  return 0;
}

// The first segment reaches the other host: a listener answers, a host without one refuses, and
// what is lost is sent again.
void NetworkModel::on_syn(const SocketRef& client) {
  if (client->closed || client->state != SimSocket::State::connecting) return;
  const bool lost =
      is_blocked(client->local, client->remote) || drops_connects.contains(client->remote.host());
  const SocketRef listener = lost ? nullptr : listener_at(client->remote);
  // Linux lets one more wait than was asked for.
  const bool full = listener && listener->queue.size() + listener->handshakes > listener->backlog;
  if (lost || full) {
    note("syn lost", *client, client->syn_attempts);
    const auto wait = kSynRetry * (1 << client->syn_attempts);
    const bool last = ++client->syn_attempts == kSynAttempts;
    return schedule(*now_ + wait, last ? Event::Kind::timed_out : Event::Kind::syn, client);
  }
  const Nanoseconds back = *now_ + delay_between(client->remote, client->local);
  if (!listener) return schedule(back, Event::Kind::refused, client);

  auto server = std::make_shared<SimSocket>();
  server->number = next_number_++;
  server->family = client->family;
  server->state = SimSocket::State::connecting;
  server->bound = true;
  server->reuse_address = listener->reuse_address;
  server->local = client->remote;
  server->remote = client->local;
  server->peer = client;
  server->buffer = buffer;
  server->connection = client->connection;
  server->flow = Flow::to_client;
  server->listener = listener;
  client->peer = server;
  client->buffer = buffer;
  ++listener->handshakes;
  connections_.push_back(client);
  connections_.push_back(server);
  schedule(back, Event::Kind::syn_answer, client);
}

void NetworkModel::on_syn_answer(const SocketRef& client) {
  if (client->state != SimSocket::State::connecting || !client->peer) return;
  if (is_blocked(client->remote, client->local)) {
    // Sent again until it comes through or the client gives up.
    const auto wait = kSynRetry * (1 << client->syn_attempts);
    const bool last = ++client->syn_attempts == kSynAttempts;
    return schedule(*now_ + wait, last ? Event::Kind::timed_out : Event::Kind::syn_answer, client);
  }
  client->state = SimSocket::State::open;
  client->told_connected = false;
  note("connected", *client, 0);
  mark(client);
  send_segment(client, Segment::Kind::established, 0);
}

void NetworkModel::on_established(const SocketRef& server) {
  const SocketRef listener = server->listener;
  if (!listener) return;
  --listener->handshakes;
  server->state = SimSocket::State::open;
  if (listener->closed) {
    server->closed = true;
    server->listener = nullptr;
    return send_reset(server);
  }
  note("queued", *server, static_cast<std::int64_t>(listener->queue.size()));
  listener->queue.push_back(server);
  mark(listener);
}

void NetworkModel::fail_connect(const SocketRef& client, int error) {
  if (client->closed || client->state != SimSocket::State::connecting) return;
  if (client->peer) send_reset(client);
  client->state = SimSocket::State::dead;
  client->error = error;
  client->bound = false;
  note("connect failed", *client, error);
  mark(client);
  forget_if_gone(client);
}

// Whoever stands in the queue is told that nobody will come.
void NetworkModel::close_listener(const SocketRef& listener) {
  listener->state = SimSocket::State::dead;
  std::erase(listeners_, listener);
  for (const SocketRef& waiting : std::exchange(listener->queue, {})) {
    waiting->listener = nullptr;
    waiting->closed = true;
    send_reset(waiting);
    forget_if_gone(waiting);
  }
}

}  // namespace asyncio::testing::detail
