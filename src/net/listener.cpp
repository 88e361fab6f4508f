#include "net/listener.hpp"

#include <cerrno>
#include <chrono>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/net/server.hpp"

namespace asyncio::detail {
namespace {

constexpr std::chrono::seconds kRetryDelay{1};

// The connection is at fault, not the socket: accept(2), "Error handling".
bool concerns_only_one(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
    case EOPNOTSUPP:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

Listener::Listener(ServerState& server, Scheduler& scheduler, int backlog) noexcept
    : server_(&server), socket_(scheduler), backlog_(backlog) {
  turn_.listener = this;
  turn_.run = &run_turn;
}

int Listener::start() noexcept {
  if (const int listening = socket_.listen(backlog_); listening < 0) return listening;
  return socket_.set_listener(Socket::Direction::read, *this);
}

void Listener::close() noexcept {
  retry_.cancel();
  socket_.remove_listener(Socket::Direction::read, *this);
  if (!socket_.is_open()) return;
  socket_.close();
  if (path_.empty()) return;
  Backend& backend = socket_.scheduler().backend();
  FileIdentity there;
  if (backend.identify_file(path_, there) == 0 && there == made_) backend.unlink(path_);
}

void Listener::unlink_at_close() {
  const std::string path = socket_.local_address().host();
  if (path.empty() || path.front() == '\0') return;
  if (socket_.scheduler().backend().identify_file(path, made_) == 0) path_ = path;
}

// The server stays alive until the node has run, and with it this object.
void Listener::queue() noexcept {
  if (std::exchange(queued_, true)) return;
  server_->add_reference();
  socket_.scheduler().push(&turn_);
}

void Listener::run_turn(ReadyNode* node) {
  Listener* self = static_cast<Turn*>(node)->listener;
  ServerState* server = self->server_;
  self->queued_ = false;
  if (!self->socket_.scheduler().is_closed()) self->accept_some();
  server->drop_reference();
}

void Listener::accept_some() {
  for (int i = 0; i <= backlog_; ++i) {
    if (!socket_.is_open()) return;  // closed by a callback
    SocketAddress peer;
    const int fd = socket_.try_accept(peer);
    if (fd >= 0) {
      server_->on_accepted(fd, peer);
    } else if (fd == -EAGAIN) {
      return;
    } else if (!concerns_only_one(-fd)) {
      return pause(-fd);
    }
  }
  queue();
}

void Listener::pause(int error) {
  Scheduler& scheduler = socket_.scheduler();
  const bool exhausted = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
  scheduler.call_exception_handler(ExceptionContext(
      exhausted ? "socket.accept() out of system resource; accepting goes on in 1 s"
                : "socket.accept() failed; accepting goes on in 1 s",
      make_os_error(error, "accept", socket_.local_address().to_string())));
  // Without it every event would bring us here again.
  socket_.remove_listener(Socket::Direction::read, *this);
  retry_ = scheduler.call_later(kRetryDelay, [this] {
    if (socket_.set_listener(Socket::Direction::read, *this) == 0) queue();
  });
}

}  // namespace asyncio::detail
