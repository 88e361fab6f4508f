// openssl_server PEM TICKETS: the HTTPS server that one writes by hand: level-triggered epoll,
// OpenSSL on the socket, one buffer for all. It finds the end of a request and looks at its target:
// 13,000 bytes for /page, two for all else. TICKETS, 0 to 2, is how often a client may come back in
// short.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

struct Connection {
  int fd = -1;
  SSL* ssl = nullptr;
  std::string request;                    // what has come of it
  const std::string* response = nullptr;  // that the socket has not taken yet
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

std::string response_of(std::size_t size) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
         std::to_string(size) + "\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: raw\r\n\r\n" +
         std::string(size, 'x');
}

SSL_CTX* make_context(const char* pem, std::size_t tickets) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(context, tickets);
  SSL_CTX_set_read_ahead(context, 1);  // a call of the kernel less for each record
  if (SSL_CTX_use_certificate_chain_file(context, pem) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM) != 1) {
    give_up(pem);
  }
  return context;
}

class Server {
 public:
  explicit Server(SSL_CTX* context) : context_(context) {
    listener_.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.fd, name, size) != 0 || ::listen(listener_.fd, 4096) != 0) {
      give_up("listen");
    }
    ::getsockname(listener_.fd, name, &size);
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    std::printf("listening %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (&connection == &listener_) {
          accept_all();
        } else if (connection.response != nullptr) {
          respond(connection);
        } else {
          receive(connection);
        }
      }
    }
  }

 private:
  void watch(int operation, Connection& connection, std::uint32_t events) const {
    epoll_event interest{};
    interest.events = events;
    interest.data.ptr = &connection;
    if (::epoll_ctl(epoll_, operation, connection.fd, &interest) != 0) give_up("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto* connection = new Connection{fd, SSL_new(context_), {}, nullptr};
      SSL_set_fd(connection->ssl, fd);
      SSL_set_accept_state(connection->ssl);
      watch(EPOLL_CTL_ADD, *connection, EPOLLIN);
    }
  }

  // The handshake is part of the first reading.
  void receive(Connection& connection) {
    for (;;) {
      ERR_clear_error();
      const int count = SSL_read(connection.ssl, buffer_.data(), int(buffer_.size()));
      if (count <= 0) {
        if (SSL_get_error(connection.ssl, count) != SSL_ERROR_WANT_READ) drop(connection);
        return;
      }
      connection.request.append(buffer_.data(), static_cast<std::size_t>(count));
      if (!connection.request.ends_with("\r\n\r\n")) continue;
      connection.response = connection.request.starts_with("GET /page ") ? &page_ : &word_;
      connection.request.clear();
      if (!respond(connection) || SSL_has_pending(connection.ssl) == 0) return;
    }
  }

  // Whether the next request may be read.
  bool respond(Connection& connection) {
    ERR_clear_error();
    const std::string& text = *connection.response;
    const int count = SSL_write(connection.ssl, text.data(), int(text.size()));
    if (count <= 0) {
      if (SSL_get_error(connection.ssl, count) == SSL_ERROR_WANT_WRITE) {
        watch(EPOLL_CTL_MOD, connection, EPOLLOUT);
        waits_ = true;
      } else {
        drop(connection);
      }
      return false;
    }
    connection.response = nullptr;
    if (waits_) watch(EPOLL_CTL_MOD, connection, EPOLLIN);
    return true;
  }

  static void drop(Connection& connection) {
    SSL_shutdown(connection.ssl);
    SSL_free(connection.ssl);
    ::close(connection.fd);
    delete &connection;
  }

  SSL_CTX* context_;
  int epoll_ = ::epoll_create1(0);
  Connection listener_;
  std::array<char, 16 * 1024> buffer_;
  const std::string page_ = response_of(13'000);
  const std::string word_ = response_of(2);
  bool waits_ = false;  // somebody has ever waited to write
};

}  // namespace

int main(int, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  static Server server(make_context(argv[1], std::strtoul(argv[2], nullptr, 10)));
  server.run();
}
