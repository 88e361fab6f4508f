// What goes over a connection, and how it ends.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "testing/network_model.hpp"

namespace asyncio::testing::detail {
namespace {

constexpr Nanoseconds kMoment = std::chrono::microseconds(1);

}  // namespace

// --- sending
// --------------------------------------------------------------------------------------

std::size_t NetworkModel::room_for(const SimSocket& socket) const noexcept {
  if (socket.stalled) return 0;
  const std::size_t used =
      socket.muted || !socket.peer ? socket.lost_bytes : socket.peer->bytes.size();
  return used >= socket.buffer ? 0 : socket.buffer - used;
}

std::ptrdiff_t NetworkModel::send(int fd, std::span<const std::span<const std::byte>> pieces) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->type == SOCK_DGRAM) {
    return send_to(fd, pieces.empty() ? std::span<const std::byte>() : pieces.front(), {});
  }
  if (socket->error != 0) return -std::exchange(socket->error, 0);
  if (socket->state == SimSocket::State::connecting) return -EAGAIN;
  const bool is_unix = socket->family == AF_UNIX;
  if (is_unix && socket->state == SimSocket::State::fresh) return -ENOTCONN;
  if (socket->state != SimSocket::State::open || socket->fin_sent) return -EPIPE;
  // TCP learns from the answer that nobody is there; a Unix socket sees it.
  if (is_unix && (!socket->peer || socket->peer->closed)) return -EPIPE;
  std::size_t wanted = 0;
  for (const auto& piece : pieces) wanted += piece.size();
  if (wanted == 0) return 0;
  std::size_t room = room_for(*socket);
  if (room > 1 && chance_->one_in(short_calls)) {
    room = 1 + chance_->below(std::min(room, wanted));
    if (room < wanted) {
      // Room comes back in a moment, and with it an edge.
      socket->stalled = true;
      schedule(*now_ + kMoment, Event::Kind::room, socket);
    }
  }
  const std::size_t count = std::min(room, wanted);
  if (count < wanted) socket->no_space = true;
  if (count == 0) return -EAGAIN;
  return static_cast<std::ptrdiff_t>(take_from(socket, pieces, count));
}

// Takes `count` bytes, or fewer when the connection is cut in the middle of them (the others are
// lost, and the sender does not know).
std::size_t NetworkModel::take_from(const SocketRef& from,
                                    std::span<const std::span<const std::byte>> pieces,
                                    std::size_t count) {
  const std::uint64_t begin = from->sent;
  from->sent += count;
  sent[from->connection][static_cast<std::size_t>(from->flow)] = from->sent;
  std::size_t kept = count;
  const CutRule* cut = nullptr;
  for (const CutRule& rule : cuts) {
    if (rule.connection != from->connection || rule.flow != from->flow) continue;
    if (from->muted || rule.offset < begin || rule.offset > begin + count) continue;
    cut = &rule;
    kept = static_cast<std::size_t>(rule.offset - begin);
  }
  if (from->muted || !from->peer) {
    from->lost_bytes += count;
    return count;
  }
  std::size_t left = kept;
  for (const auto& piece : pieces) {
    const std::size_t part = std::min(left, piece.size());
    from->peer->bytes.append({reinterpret_cast<const char*>(piece.data()), part});
    left -= part;
  }
  send_bytes(from, kept, begin);
  if (cut != nullptr) apply_cut(from, cut->how);
  return count;
}

// How long the next piece is on its way.
std::size_t NetworkModel::piece_length(std::uint64_t offset, std::size_t rest) {
  switch (segmentation) {
    case Segmentation::whole:
      return rest;
    case Segmentation::bytes:
      return 1;
    case Segmentation::random:
      return 1 + static_cast<std::size_t>(chance_->below(rest));
    case Segmentation::split_at:
      if (offset < split_at && split_at < offset + rest) {
        return static_cast<std::size_t>(split_at - offset);
      }
      return rest;
  }
  return rest;
}

void NetworkModel::send_bytes(const SocketRef& from, std::size_t count, std::uint64_t offset) {
  while (count > 0) {
    const std::size_t piece = piece_length(offset, count);
    send_segment(from, Segment::Kind::data, piece);
    offset += piece;
    count -= piece;
  }
}

// Segments of one direction arrive in order, pieces of one send at instants of their own.
void NetworkModel::send_segment(const SocketRef& from, Segment::Kind kind, std::size_t bytes) {
  const SocketRef& to = from->peer;
  if (!to || from->muted) return;
  const LinkOptions link = link_between(from->local, to->local);
  Nanoseconds arrival = *now_ + delay_between(from->local, to->local);
  if (link.bytes_per_second != 0) {
    arrival += Nanoseconds(bytes * 1'000'000'000U / link.bytes_per_second);
    arrival = std::max(
        arrival, to->last_arrival + Nanoseconds(bytes * 1'000'000'000U / link.bytes_per_second));
  }
  const bool apart = kind == Segment::Kind::data && segmentation != Segmentation::whole;
  if (arrival <= to->last_arrival) arrival = to->last_arrival + (apart ? kMoment : Nanoseconds{0});
  to->last_arrival = arrival;
  to->incoming.push_back({arrival, kind, bytes});
  schedule(arrival, Event::Kind::arrival, to);
}

int NetworkModel::shutdown_write(int fd) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->state != SimSocket::State::open) return -ENOTCONN;
  if (std::exchange(socket->fin_sent, true)) return 0;
  send_segment(socket, Segment::Kind::fin, 0);
  mark(socket);
  return 0;
}

// --- arriving
// -------------------------------------------------------------------------------------

void NetworkModel::on_arrival(const SocketRef& socket) {
  while (!socket->incoming.empty() && socket->incoming.front().arrival <= *now_) {
    if (is_blocked(socket->remote, socket->local)) return;
    const Segment segment = socket->incoming.front();
    socket->incoming.pop_front();
    deliver(socket, segment);
  }
  forget_if_gone(socket);
}

void NetworkModel::deliver(const SocketRef& socket, const Segment& segment) {
  note("arrives", *socket,
       static_cast<std::int64_t>(segment.bytes * 4 + static_cast<std::size_t>(segment.kind)));
  switch (segment.kind) {
    case Segment::Kind::established:
      return on_established(socket);
    case Segment::Kind::data:
      // Nobody will read it any more.
      if (socket->closed || socket->state != SimSocket::State::open) return send_reset(socket);
      socket->arrived += segment.bytes;
      return mark(socket);
    case Segment::Kind::fin:
      socket->fin_seen = true;
      return mark(socket);
    case Segment::Kind::reset:
      return end_with(socket, socket->fin_seen ? EPIPE : ECONNRESET);
  }
}

std::ptrdiff_t NetworkModel::recv(int fd, std::span<std::byte> buffer_of_caller) {
  const SocketRef socket = find(fd);
  if (!socket) return -EBADF;
  if (socket->type == SOCK_DGRAM) {
    ReceivedDatagram ignored;
    return recv_from(fd, buffer_of_caller, ignored);
  }
  if (socket->state == SimSocket::State::fresh || socket->state == SimSocket::State::listening) {
    return socket->family == AF_UNIX ? -EINVAL : -ENOTCONN;
  }
  if (socket->state == SimSocket::State::connecting) return -EAGAIN;
  if (socket->arrived == 0) {
    if (socket->error != 0) return -std::exchange(socket->error, 0);
    return socket->fin_seen || socket->state == SimSocket::State::dead ? 0 : -EAGAIN;
  }
  std::size_t count = std::min(socket->arrived, buffer_of_caller.size());
  if (count > 1 && chance_->one_in(short_calls)) {
    const std::size_t part = 1 + chance_->below(count);
    if (part < count) hide_rest(socket, part);
    count = part;
  }
  std::memcpy(buffer_of_caller.data(), socket->bytes.view().data(), count);
  socket->bytes.consume(count);
  socket->arrived -= count;
  tell_room(socket);
  return static_cast<std::ptrdiff_t>(count);
}

// After a short read, as if the rest came a moment later: a short read says that there is no more
// for now, so an edge has to follow. Not behind an end, whose own edge says that reads may be
// short.
void NetworkModel::hide_rest(const SocketRef& socket, std::size_t kept) {
  if (socket->fin_seen || socket->state != SimSocket::State::open) return;
  const Nanoseconds when = *now_ + kMoment;
  for (Segment& behind : socket->incoming) behind.arrival = std::max(behind.arrival, when);
  socket->incoming.push_front({when, Segment::Kind::data, socket->arrived - kept});
  socket->arrived = kept;
  socket->last_arrival = std::max(socket->last_arrival, when);
  schedule(when, Event::Kind::arrival, socket);
}

// The sender hears that the reader has made room, once it is worth while.
void NetworkModel::tell_room(const SocketRef& reader) {
  const SocketRef& writer = reader->peer;
  if (!writer || !writer->no_space || writer->muted || writer->stalled) return;
  if (room_for(*writer) * 3 < writer->buffer) return;
  writer->no_space = false;
  schedule(*now_ + delay_between(reader->local, writer->local), Event::Kind::room, writer);
}

// --- ends
// -----------------------------------------------------------------------------------------

// The connection is broken by this side; the other hears of it behind what is on its way.
void NetworkModel::send_reset(const SocketRef& from) {
  if (std::exchange(from->reset_sent, true)) return;
  send_segment(from, Segment::Kind::reset, 0);
  from->state = SimSocket::State::dead;
  from->incoming.clear();
}

void NetworkModel::end_with(const SocketRef& socket, int error) {
  if (socket->state == SimSocket::State::dead) return;
  if (socket->state == SimSocket::State::connecting && socket->listener) {
    --socket->listener->handshakes;
    socket->listener = nullptr;
    socket->closed = true;
  }
  socket->state = SimSocket::State::dead;
  socket->error = error;
  socket->incoming.clear();
  note("reset", *socket, error);
  mark(socket);
  forget_if_gone(socket);
}

// The sender's host goes down in the middle of what it sends; or the cable does.
void NetworkModel::apply_cut(const SocketRef& from, Cut how) {
  note("cut", *from, static_cast<std::int64_t>(how));
  if (how == Cut::silence) {
    from->muted = from->peer->muted = true;
    return;
  }
  send_segment(from, how == Cut::fin ? Segment::Kind::fin : Segment::Kind::reset, 0);
  end_with(from, ECONNRESET);
}

void NetworkModel::forget_if_gone(const SocketRef& socket) {
  if (!socket->closed) return;
  const SocketRef peer = socket->peer;
  if (!peer) return;
  const bool quiet = socket->incoming.empty() && peer->incoming.empty();
  if (!peer->closed || !quiet) return;
  socket->peer = peer->peer = nullptr;
  std::erase(connections_, socket);
  std::erase(connections_, peer);
}

}  // namespace asyncio::testing::detail
