// Sockets of the Unix family: they have a path instead of a port, and connect at once.
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "testing/network_model.hpp"

namespace asyncio::testing::detail {
namespace {

bool is_abstract(const std::string& name) { return name.starts_with('\0'); }

}  // namespace

SocketAddress unnamed_unix_address() noexcept {
  SocketAddress address;
  const sa_family_t family = AF_UNIX;
  std::memcpy(address.data(), &family, sizeof family);
  address.set_size(sizeof family);
  return address;
}

int NetworkModel::bind_unix(const SocketRef& socket, const SocketAddress& address) {
  const std::string name = address.host();
  const auto [entry, inserted] = unix_names_.try_emplace(name);
  if (!inserted) return -EADDRINUSE;
  entry->second = {socket, next_inode_++};
  socket->local = address;
  socket->bound = true;
  return 0;
}

int NetworkModel::connect_unix(const SocketRef& client, const SocketAddress& address) {
  const std::string name = address.host();
  const auto entry = unix_names_.find(name);
  if (entry == unix_names_.end()) return is_abstract(name) ? -ECONNREFUSED : -ENOENT;
  const SocketRef listener = entry->second.socket;
  if (!listener) return -ECONNREFUSED;
  if (listener->type != client->type) return -EPROTOTYPE;
  if (listener->state != SimSocket::State::listening) return -ECONNREFUSED;
  // Here nothing is sent again: whoever finds the queue full has to come back.
  if (listener->queue.size() > listener->backlog) return -EAGAIN;
  auto server = std::make_shared<SimSocket>();
  server->number = next_number_++;
  server->family = AF_UNIX;
  server->type = listener->type;
  server->bound = true;
  server->local = listener->local;
  join_ends(client, server);
  server->listener = listener;
  listener->queue.push_back(server);
  mark(listener);
  mark(client);
  return 0;
}

void NetworkModel::join_ends(const SocketRef& client, const SocketRef& server) {
  client->peer = server;
  server->peer = client;
  client->remote = server->local;
  server->remote = client->local;
  client->flow = Flow::to_server;
  server->flow = Flow::to_client;
  client->connection = server->connection = sent.size();
  sent.push_back({0, 0});
  for (const SocketRef& end : {client, server}) {
    end->state = SimSocket::State::open;
    end->buffer = buffer;
    connections_.push_back(end);
  }
}

int NetworkModel::socket_pair(int type, std::array<int, 2>& ends, std::size_t limit) {
  if ((type & 0xf) != SOCK_STREAM) return -EPROTONOSUPPORT;
  if (sockets_.size() + 2 > limit) return -EMFILE;
  for (int& end : ends) {
    end = socket(AF_UNIX, type, limit);
    if (end >= 0) continue;
    if (&end != ends.data()) close(ends[0]);
    return end;
  }
  join_ends(find(ends[0]), find(ends[1]));
  return 0;
}

// A file stays behind, as in earnest; an abstract name goes.
void NetworkModel::leave_unix_name(const SocketRef& socket) noexcept {
  const auto entry = unix_names_.find(socket->local.host());
  if (entry == unix_names_.end() || entry->second.socket != socket) return;
  if (is_abstract(entry->first)) {
    unix_names_.erase(entry);
  } else {
    entry->second.socket = nullptr;
  }
}

int NetworkModel::identify_file(const std::string& path, FileIdentity& identity) {
  const auto entry = unix_names_.find(path);
  if (entry == unix_names_.end() || is_abstract(path)) return -ENOENT;
  identity = {.device = 1, .inode = entry->second.inode, .is_socket = true};
  return 0;
}

int NetworkModel::unlink(const std::string& path) {
  if (is_abstract(path)) return -ENOENT;
  return unix_names_.erase(path) == 1 ? 0 : -ENOENT;
}

}  // namespace asyncio::testing::detail
