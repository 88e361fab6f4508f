// raw_ring_echo [READ_BYTES]: the echo server that one writes by hand on io_uring: the kernel
// receives into a buffer that each connection has, and sends from it. The measure of the others, as
// raw_echo is for epoll.
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

unsigned load(unsigned* at) { return std::atomic_ref(*at).load(std::memory_order_acquire); }
void store(unsigned* at, unsigned value) {
  std::atomic_ref(*at).store(value, std::memory_order_release);
}

struct Connection {
  int fd;
  bool sending;
  std::size_t size;  // of what was received
  std::size_t sent;
  char* buffer;
};

class Ring {
 public:
  Ring() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = 4096;
    fd_ = static_cast<int>(::syscall(SYS_io_uring_setup, 1024, &params));
    if (fd_ < 0) give_up("io_uring_setup");
    const std::size_t size =
        std::max<std::size_t>(params.sq_off.array + params.sq_entries * sizeof(unsigned),
                              params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe));
    auto* rings = static_cast<char*>(map(size, IORING_OFF_SQ_RING));
    requests_ =
        static_cast<io_uring_sqe*>(map(params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    const auto word = [rings](unsigned at) { return reinterpret_cast<unsigned*>(rings + at); };
    entries_ = params.sq_entries;
    submit_head_ = word(params.sq_off.head);
    submit_tail_ = word(params.sq_off.tail);
    unsigned* order = word(params.sq_off.array);
    for (unsigned i = 0; i < entries_; ++i) order[i] = i;
    head_ = word(params.cq_off.head);
    complete_tail_ = word(params.cq_off.tail);
    completions_ = reinterpret_cast<io_uring_cqe*>(rings + params.cq_off.cqes);
    mask_ = params.cq_entries - 1;
  }

  io_uring_sqe& request(unsigned opcode, int fd, Connection* connection) {
    if (tail_ - load(submit_head_) == entries_) enter(0);
    io_uring_sqe& out = requests_[tail_++ & (entries_ - 1)];
    out = {};
    out.opcode = static_cast<std::uint8_t>(opcode);
    out.fd = fd;
    out.user_data = reinterpret_cast<std::uintptr_t>(connection);
    return out;
  }

  /// Hands over what there is and waits for a completion.
  void wait() { enter(1); }

  template <class F>
  void take_all(F&& take) {
    unsigned at = *head_;
    for (const unsigned end = load(complete_tail_); at != end; ++at) {
      const io_uring_cqe& entry = completions_[at & mask_];
      take(reinterpret_cast<Connection*>(static_cast<std::uintptr_t>(entry.user_data)), entry.res,
           entry.flags);
    }
    store(head_, at);
  }

 private:
  void* map(std::size_t size, unsigned long long offset) const {
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_,
                      static_cast<off_t>(offset));
    if (at == MAP_FAILED) give_up("mmap");
    return at;
  }
  void enter(unsigned least) {
    store(submit_tail_, tail_);
    const unsigned count = tail_ - load(submit_head_);
    const unsigned flags = least > 0 ? IORING_ENTER_GETEVENTS : 0;
    if (::syscall(SYS_io_uring_enter, fd_, count, least, flags, nullptr, 0) < 0 && errno != EINTR &&
        errno != EBUSY) {
      give_up("io_uring_enter");
    }
  }

  int fd_;
  io_uring_sqe* requests_;
  unsigned entries_;
  unsigned tail_ = 0;
  unsigned* submit_head_;
  unsigned* submit_tail_;
  unsigned* head_;
  unsigned* complete_tail_;
  io_uring_cqe* completions_;
  unsigned mask_;
};

std::size_t read_bytes = 65536;

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, name, size) != 0 || ::listen(fd, 4096) != 0) give_up("listen");
  ::getsockname(fd, name, &size);
  std::printf("listening %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

void accept_all(Ring& ring, int server) {
  ring.request(IORING_OP_ACCEPT, server, nullptr).ioprio = IORING_ACCEPT_MULTISHOT;
}

void receive(Ring& ring, Connection& connection) {
  connection.sending = false;
  io_uring_sqe& request = ring.request(IORING_OP_RECV, connection.fd, &connection);
  request.addr = reinterpret_cast<std::uintptr_t>(connection.buffer);
  request.len = static_cast<unsigned>(read_bytes);
}

void send(Ring& ring, Connection& connection) {
  connection.sending = true;
  io_uring_sqe& request = ring.request(IORING_OP_SEND, connection.fd, &connection);
  request.addr = reinterpret_cast<std::uintptr_t>(connection.buffer + connection.sent);
  request.len = static_cast<unsigned>(connection.size - connection.sent);
  request.msg_flags = MSG_NOSIGNAL;
}

void begin(Ring& ring, int fd) {
  if (fd < 0) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  receive(ring, *new Connection{fd, false, 0, 0, static_cast<char*>(std::malloc(read_bytes))});
}

void go_on(Ring& ring, Connection& connection, int result) {
  if (result <= 0) {
    ::close(connection.fd);
    std::free(connection.buffer);
    delete &connection;
  } else if (!connection.sending) {
    connection.size = static_cast<std::size_t>(result);
    connection.sent = 0;
    send(ring, connection);
  } else if (connection.sent += static_cast<std::size_t>(result);
             connection.sent < connection.size) {
    send(ring, connection);
  } else {
    receive(ring, connection);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) read_bytes = std::strtoul(argv[1], nullptr, 10);
  const int server = listen_on_loopback();
  Ring ring;
  accept_all(ring, server);
  for (;;) {
    ring.wait();
    ring.take_all([&](Connection* connection, int result, unsigned flags) {
      if (connection != nullptr) return go_on(ring, *connection, result);
      begin(ring, result);
      if ((flags & IORING_CQE_F_MORE) == 0) accept_all(ring, server);
    });
  }
}
