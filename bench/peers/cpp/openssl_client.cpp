// The yardstick over TLS: bare epoll, OpenSSL on the socket. It verifies the certificate and its
// address, keeps sessions if asked for new connections, looks for the end of the head and for
// Content-Length, and collects the body; no timeouts, pools or errors worth a name.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "bench/tls/load.hpp"

namespace {

std::vector<SSL_SESSION*> sessions;

int keep_session(SSL*, SSL_SESSION* session) {
  sessions.push_back(session);
  return 1;
}

SSL_CTX* make_context(const std::string& cafile) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_read_ahead(context, 1);  // a call of the kernel less for each record
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  if (SSL_CTX_load_verify_locations(context, cafile.c_str(), nullptr) != 1) {
    ERR_print_errors_fp(stderr);
    std::exit(1);
  }
  return context;
}

class Client {
 public:
  explicit Client(const bench::TlsLoad& load)
      : load_(load), context_(make_context(load.cafile)), connections_(load.in_flight) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(static_cast<std::uint16_t>(load.port));
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    request_ = "GET " + load.target() +
               " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(load.port) +
               "\r\nUser-Agent: raw\r\nAccept: */*\r\n\r\n";
  }

  bench::Tally run(std::size_t requests) {
    tally_ = {};
    resumed_ = 0;
    left_ = requests;
    for (Connection& connection : connections_) next_request(connection);
    std::array<epoll_event, 256> events;
    while (running_ > 0) {
      const int count = epoll_wait(epoll_, events.data(), int(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection.fd >= 0) go_on(connection);
      }
    }
    return tally_;
  }
  [[nodiscard]] std::size_t resumed() const { return resumed_; }

 private:
  struct Connection {
    int fd = -1;
    SSL* ssl = nullptr;
    bool has_met = false;
    bool in_body = false;
    std::size_t length = 0;
    std::string head;
    std::string body;
  };

  void next_request(Connection& connection) {
    if (left_ == 0) return;
    --left_;
    ++running_;
    connection.in_body = false;
    connection.head.clear();
    connection.body.clear();
    if (connection.fd >= 0) {
      send_request(connection);
    } else {
      connect_to_server(connection);
    }
  }

  void connect_to_server(Connection& connection) {
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto* address = reinterpret_cast<const sockaddr*>(&address_);
    if (connect(connection.fd, address, sizeof address_) != 0 && errno != EINPROGRESS) {
      return fail(connection);
    }
    connection.has_met = false;
    connection.ssl = SSL_new(context_);
    SSL_set_fd(connection.ssl, connection.fd);
    SSL_set_connect_state(connection.ssl);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection.ssl), "127.0.0.1");
    if (load_.meet && !sessions.empty()) {
      SSL_set_session(connection.ssl, sessions.back());
      SSL_SESSION_free(sessions.back());
      sessions.pop_back();
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  }

  void go_on(Connection& connection) {
    if (connection.has_met) return receive(connection);
    ERR_clear_error();
    const int result = SSL_do_handshake(connection.ssl);
    if (result == 1) {
      connection.has_met = true;
      if (SSL_session_reused(connection.ssl) == 1) ++resumed_;
      return send_request(connection);
    }
    const int error = SSL_get_error(connection.ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE && errno != ENOTCONN) {
      fail(connection);
    }
  }

  void send_request(Connection& connection) {
    ERR_clear_error();
    if (SSL_write(connection.ssl, request_.data(), int(request_.size())) <= 0) fail(connection);
  }

  void receive(Connection& connection) {
    for (;;) {
      ERR_clear_error();
      const int count = SSL_read(connection.ssl, buffer_.data(), int(buffer_.size()));
      if (count <= 0) {
        if (SSL_get_error(connection.ssl, count) != SSL_ERROR_WANT_READ) fail(connection);
        return;
      }
      const bool whole = take(connection, {buffer_.data(), static_cast<std::size_t>(count)});
      if (whole) return finish(connection);
    }
  }

  // Whether that was the end of the response.
  static bool take(Connection& connection, std::string_view bytes) {
    if (connection.in_body) {
      connection.body.append(bytes);
    } else if (connection.head.empty()) {
      begin_body(connection, bytes);  // the usual case: the whole head in one piece
      if (!connection.in_body) connection.head = bytes;
    } else {
      connection.head.append(bytes);
      begin_body(connection, connection.head);
    }
    return connection.in_body && connection.body.size() >= connection.length;
  }

  static void begin_body(Connection& connection, std::string_view text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    connection.in_body = true;
    connection.length = content_length(text.substr(0, end));
    connection.body.reserve(connection.length);
    connection.body.append(text.substr(end + 4));
  }

  static std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const std::size_t at = head.find(kName);
    std::size_t length = 0;
    if (at != std::string_view::npos) {
      std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
    }
    return length;
  }

  void finish(Connection& connection) {
    const std::string body = std::move(connection.body);
    ++tally_.completed;
    tally_.bytes += body.size();
    --running_;
    if (load_.meet) disconnect(connection);
    next_request(connection);
  }

  void fail(Connection& connection) {
    if (tally_.failed++ == 0) {
      std::perror("raw client");
      ERR_print_errors_fp(stderr);
    }
    --running_;
    disconnect(connection);
    next_request(connection);
  }

  static void disconnect(Connection& connection) {
    if (connection.ssl != nullptr) {
      if (connection.has_met) SSL_shutdown(connection.ssl);
      SSL_free(connection.ssl);
    }
    if (connection.fd >= 0) ::close(connection.fd);
    connection.ssl = nullptr;
    connection.fd = -1;
  }

  bench::TlsLoad load_;
  SSL_CTX* context_;
  sockaddr_in address_{};
  std::string request_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_;
  std::array<char, 64 * 1024> buffer_;
  std::size_t left_ = 0;
  std::size_t running_ = 0;
  std::size_t resumed_ = 0;
  bench::Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const bench::TlsLoad load = bench::TlsLoad::parse(argc, argv);
  Client client(load);
  if (load.warm_up > 0) client.run(load.warm_up);
  const bench::TlsStopwatch watch(load.server);
  const bench::Tally tally = client.run(load.requests);
  watch.print(tally, client.resumed());
}
