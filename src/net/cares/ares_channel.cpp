#include "net/cares/ares_channel.hpp"

#include <arpa/nameser.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace asyncio::detail {
namespace {

// Datagrams that one turn takes: a flood of them leaves room for others.
constexpr unsigned kReadsInATurn = 256;

// c-ares counts its users; it stays for the process, as it knows no threads.
int library_status() noexcept {
  static const int status = ::ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

// As a call of the kernel's gives it.
template <class T>
T c_result(T result) noexcept {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace

// --- what c-ares calls instead of the kernel ----------------------------------------------------

struct AresChannel::Functions {
  static AresChannel& of(void* data) noexcept { return *static_cast<AresChannel*>(data); }

  static ares_socket_t socket(int family, int type, int protocol, void* data) noexcept {
    try {
      return c_result(of(data).open(family, type, protocol));
    } catch (const std::bad_alloc&) {
      return c_result(-ENOMEM);
    }
  }

  static int close(ares_socket_t fd, void* data) noexcept {
    of(data).close(fd);
    return 0;
  }

  static int connect(ares_socket_t fd, const sockaddr* to, ares_socklen_t size,
                     void* data) noexcept {
    AresChannel& channel = of(data);
    Watched* socket = channel.find(fd);
    if (socket == nullptr || size > SocketAddress::kCapacity) return c_result(-EBADF);
    SocketAddress address;
    std::memcpy(address.data(), to, size);
    address.set_size(size);
    const int connected = channel.backend().connect(fd, address);
    if (connected < 0 && connected != -EINPROGRESS) return c_result(connected);
    // Not before: a socket without a peer has events of its own.
    if (const int watched = channel.backend().watch(socket->descriptor); watched < 0) {
      return c_result(watched);
    }
    return c_result(connected);
  }

  static ares_ssize_t recv(ares_socket_t fd, void* data_out, size_t size, int /*flags*/,
                           sockaddr* from, ares_socklen_t* from_size, void* data) noexcept {
    AresChannel& channel = of(data);
    Watched* socket = channel.find(fd);
    if (socket == nullptr) return c_result<ares_ssize_t>(-EBADF);
    if (channel.reads_left_ == 0) return c_result<ares_ssize_t>(-EAGAIN);  // the next turn
    --channel.reads_left_;
    const std::span buffer(static_cast<std::byte*>(data_out), size);
    ReceivedDatagram info;
    const std::ptrdiff_t count = socket->stream ? channel.backend().recv(fd, buffer)
                                                : channel.backend().recv_from(fd, buffer, info);
    if (count == -EAGAIN) socket->descriptor.read_drained = true;
    if (count == -ECONNREFUSED) channel.last_refusal_ = ARES_SUCCESS;
    if (count >= 0) channel.note(buffer.first(static_cast<std::size_t>(count)));
    if (count >= 0 && from != nullptr && from_size != nullptr) {
      const ares_socklen_t room = std::min<ares_socklen_t>(*from_size, info.from.size());
      std::memcpy(from, info.from.data(), room);
      *from_size = room;
    }
    return c_result<ares_ssize_t>(count);
  }

  static ares_ssize_t send(ares_socket_t fd, const iovec* pieces, int count, void* data) noexcept {
    AresChannel& channel = of(data);
    Watched* socket = channel.find(fd);
    if (socket == nullptr) return c_result<ares_ssize_t>(-EBADF);
    try {
      std::vector<std::span<const std::byte>> spans;
      for (const iovec& piece : std::span(pieces, static_cast<std::size_t>(count))) {
        spans.emplace_back(static_cast<const std::byte*>(piece.iov_base), piece.iov_len);
      }
      const std::ptrdiff_t sent = channel.backend().send_many(fd, spans);
      if (sent == -EAGAIN) socket->descriptor.write_full = true;
      if (sent == -ECONNREFUSED) channel.last_refusal_ = ARES_SUCCESS;
      return c_result<ares_ssize_t>(sent);
    } catch (const std::bad_alloc&) {
      return c_result<ares_ssize_t>(-ENOMEM);
    }
  }

  static constexpr ares_socket_functions kTable{socket, close, connect, recv, send};
};

// --- life ---------------------------------------------------------------------------------------

AresChannel::AresChannel(Scheduler& scheduler, const AresConfig& config, AresOwner& owner)
    : TimerNode(&on_timer),
      scheduler_(&scheduler),
      owner_(&owner),
      turn_(std::make_unique<Turn>()) {
  turn_->run = &run_turn;
  turn_->channel = this;
  status_ = library_status();
  if (status_ != ARES_SUCCESS) return;
  // All that it would read from files else: it is told, and reads none.
  std::array<char, 2> lookups{'b', '\0'};
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = config.timeout_ms;
  options.tries = config.tries;
  options.ndots = 1;
  options.lookups = lookups.data();
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                   ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
                   (config.rotate ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE);
  status_ = ::ares_init_options(&channel_, &options, mask);
  if (status_ != ARES_SUCCESS) return;
  ::ares_set_socket_functions(channel_, &Functions::kTable, this);
  status_ = ::ares_set_servers_ports_csv(channel_, config.servers.c_str());
}

AresChannel::~AresChannel() {
  if (channel_ != nullptr) {
    // First this: ares_destroy() alone ends the two halves of one question in a way of its own.
    cancel();
    ::ares_destroy(channel_);
  }
  if (armed()) scheduler_->disarm(*this);
  if (!turn_->queued) return;
  turn_->channel = nullptr;
  turn_.release();  // NOLINT(bugprone-unused-return-value): it goes when it has run
}

void AresChannel::query(const std::string& name, int type, ares_callback callback, void* argument) {
  constexpr int kInternet = 1;
  // With room for the timer, what comes cannot fail half done.
  if (!armed()) scheduler_->arm(*this, Nanoseconds::max());
  ::ares_query(channel_, name.c_str(), kInternet, type, callback, argument);
  arm();
}

void AresChannel::cancel() noexcept {
  ::ares_cancel(channel_);
  if (armed()) scheduler_->disarm(*this);
}

// The code in the head of a datagram: the words for "ask somebody else".
void AresChannel::note(std::span<const std::byte> message) noexcept {
  constexpr std::size_t kFlags = 3;
  if (message.size() <= kFlags) return;
  switch (std::to_integer<int>(message[kFlags]) & 0xf) {
    case ns_r_servfail:
      last_refusal_ = ARES_ESERVFAIL;
      break;
    case ns_r_notimpl:
    case ns_r_refused:
      last_refusal_ = ARES_EREFUSED;
      break;
    default:
      break;
  }
}

// --- sockets ------------------------------------------------------------------------------------

AresChannel::Watched* AresChannel::find(int fd) const noexcept {
  for (const auto& socket : sockets_) {
    if (socket->descriptor.fd == fd) return socket.get();
  }
  return nullptr;
}

int AresChannel::open(int family, int type, int protocol) {
  sockets_.reserve(sockets_.size() + 1);
  auto socket = std::make_unique<Watched>(*this, -1, type == SOCK_STREAM);
  const int fd = backend().socket(family, type, protocol);
  if (fd < 0) return fd;
  socket->descriptor.fd = fd;
  sockets_.push_back(std::move(socket));
  return fd;
}

void AresChannel::close(int fd) noexcept {
  const auto at = std::find_if(sockets_.begin(), sockets_.end(),
                               [fd](const auto& socket) { return socket->descriptor.fd == fd; });
  if (at == sockets_.end()) return;
  backend().unwatch((*at)->descriptor);
  backend().close(fd);
  sockets_.erase(at);
}

// --- turns --------------------------------------------------------------------------------------

void AresChannel::queue() noexcept {
  if (!std::exchange(turn_->queued, true)) scheduler_->push(turn_.get());
}

void AresChannel::run_turn(ReadyNode* node) {
  auto* turn = static_cast<Turn*>(node);
  if (turn->channel == nullptr) {
    delete turn;
    return;
  }
  turn->queued = false;
  if (!turn->channel->scheduler_->is_closed()) turn->channel->process();
}

void AresChannel::on_timer(TimerNode* timer) {
  auto* self = static_cast<AresChannel*>(timer);
  if (self->scheduler_->is_closed()) return;
  ::ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  self->arm();
  self->owner_->on_progress();
}

void AresChannel::process() {
  reads_left_ = kReadsInATurn;
  std::vector<int> ready;
  for (const auto& socket : sockets_) {
    if (std::exchange(socket->event, false)) ready.push_back(socket->descriptor.fd);
  }
  for (const int fd : ready) process(fd);
  arm();
  owner_->on_progress();
}

// An answer may close sockets, this one too, and open others.
void AresChannel::process(int fd) {
  Watched* socket = find(fd);
  if (socket == nullptr) return;
  if (socket->stream && !socket->descriptor.write_full) {
    ::ares_process_fd(channel_, ARES_SOCKET_BAD, fd);
  }
  // An edge comes once: go on until there is nothing left. Over TCP c-ares reads one piece a call.
  for (socket = find(fd); socket != nullptr && !socket->descriptor.read_drained;
       socket = find(fd)) {
    if (reads_left_ == 0) {
      socket->event = true;
      queue();
      return;
    }
    const unsigned before = reads_left_;
    ::ares_process_fd(channel_, fd, ARES_SOCKET_BAD);
    if (reads_left_ == before) return;  // it has no use for this socket
  }
}

void AresChannel::arm() {
  if (armed()) scheduler_->disarm(*this);
  timeval left{};
  if (::ares_timeout(channel_, nullptr, &left) == nullptr) return;
  const Nanoseconds delay =
      std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  scheduler_->arm(*this, base::saturating_add(scheduler_->time(), delay));
}

}  // namespace asyncio::detail
