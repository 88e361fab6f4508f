// What the tests of client and server share: a server that plays a script, raw clients, a session
// that must end with no connection in use. One loop, with real sockets on loopback where the kernel
// matters, and a simulated network where time does.
#pragma once

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <zlib.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/http/client_session.hpp"
#include "asyncio/http/errors.hpp"
#include "asyncio/http/server.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/simulated_test.hpp"
#include "support/socket_test.hpp"

namespace asyncio::http::testing {

using namespace std::chrono_literals;
using test::describe;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using HttpTest = test::SocketTest;
using SimulatedHttpTest = test::SimulatedTest;

/// `text` as zlib packs it: window_bits 15 is zlib's own format, 31 gzip's.
inline std::string compressed(const std::string& text, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
inline std::string gzip(const std::string& text) { return compressed(text, 15 + 16); }

/// Its pool must be empty when it goes.
class Session : public ClientSession {
 public:
  using ClientSession::ClientSession;
  Session(const Session&) = delete;
  ~Session() { EXPECT_EQ(connections_in_use(), 0U) << "a slot of the pool was lost"; }
};

/// What a scripted server does after it has written.
enum class Then { keep, close, reset, hang };

struct Reply {
  std::string bytes;
  Then then = Then::keep;
};

/// One request as a scripted server saw it, with counts from 0.
struct Seen {
  int connection = 0;
  int request = 0;  // on this connection
  std::string head;
  std::string body;
};

/// The simulated world that the running loop is in, if any.
inline asyncio::testing::SimulatedBackend* simulated_world() {
  Backend& backend = get_running_loop().scheduler().backend();
  return dynamic_cast<asyncio::testing::SimulatedBackend*>(&backend);
}

inline void reset_at_close(const StreamWriter& writer) {
  if (auto* world = simulated_world()) return world->network().reset_at_close(writer.fileno());
  const linger hard{1, 0};
  ::setsockopt(writer.fileno(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

/// The value of a field in a raw head, or "".
inline std::string field(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

/// One raw message, its body by Content-Length or chunks; an empty head at the end.
inline Coro<std::pair<std::string, std::string>> read_message(StreamReader reader,
                                                              bool bodyless = false) {
  std::pair<std::string, std::string> message;
  Result<std::string> head = co_await try_(reader.readuntil("\r\n\r\n"));
  if (!head.ok()) co_return message;
  message.first = head.value();
  const std::string length = field(message.first, "Content-Length");
  if (!bodyless && !length.empty()) {
    message.second = co_await reader.readexactly(std::stoul(length));
  } else if (field(message.first, "Transfer-Encoding") == "chunked") {
    message.second = co_await reader.readuntil("0\r\n\r\n");
  }
  co_return message;
}

/// A server that answers what its script says.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::function<Reply(const Seen&)> script) : script_(std::move(script)) {}

  [[nodiscard]] int port() const { return server_->sockets().at(0).port(); }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
  }

  int connections = 0;
  std::vector<Seen> seen;

  static Coro<> serve(std::shared_ptr<ScriptedServer> self, StreamReader reader,
                      StreamWriter writer) {
    // What becomes of the client is its own affair.
    Result<void> result =
        co_await try_(play(std::move(self), std::move(reader), std::move(writer)));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
  }
  static Coro<> play(std::shared_ptr<ScriptedServer> self, StreamReader reader,
                     StreamWriter writer) {
    Seen now;
    now.connection = self->connections++;
    for (;; ++now.request) {
      auto [head, body] = co_await read_message(reader);
      if (head.empty()) co_return;
      now.head = head;
      now.body = body;
      self->seen.push_back(now);
      const Reply reply = self->script_(now);
      writer.write(reply.bytes);
      if (reply.then == Then::keep) continue;
      if (reply.then == Then::reset) reset_at_close(writer);
      if (reply.then == Then::hang) co_await reader.read();
      writer.close();
      co_return;
    }
  }
  static Coro<std::shared_ptr<ScriptedServer>> start(std::shared_ptr<ScriptedServer> self) {
    auto handler = [weak = std::weak_ptr(self)](StreamReader reader, StreamWriter writer) {
      return serve(weak.lock(), std::move(reader), std::move(writer));
    };
    self->server_ = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    co_return self;
  }

 private:
  std::function<Reply(const Seen&)> script_;
  std::optional<asyncio::Server> server_;
};

/// `auto server = co_await serve([](const Seen& seen) -> Reply {...});`
template <class F>
Coro<std::shared_ptr<ScriptedServer>> serve(F script) {
  return ScriptedServer::start(std::make_shared<ScriptedServer>(std::move(script)));
}

/// "HTTP/1.1 200 OK" with a body and its length.
inline std::string ok(std::string_view body, std::string_view fields = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}
inline std::string redirect(int status, std::string_view location) {
  return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + std::string(location) +
         "\r\nContent-Length: 0\r\n\r\n";
}

/// "ValueError: text" of what the awaitable fails with, "nothing" otherwise.
template <class A>
Coro<std::string> failure_of(A awaitable) {
  auto result = co_await try_(std::move(awaitable));
  co_return result.ok() ? std::string("nothing") : describe(result.exception());
}

inline Coro<std::string> fetch(ClientRequest request) {
  ClientResponse response = co_await std::move(request);
  co_return co_await response.text();
}

/// Sends `bytes` to a server and gives all it answers until it closes.
inline Coro<std::string> talk(int port, std::string bytes) {
  auto [reader, writer] = co_await open_connection("127.0.0.1", port);
  writer.write(bytes);
  std::string all;
  for (;;) {
    Result<std::string> piece = co_await try_(reader.read(65536));
    if (!piece.ok() || piece.value().empty()) break;
    all += piece.value();
  }
  writer.close();
  co_return all;
}

/// Lets others go on until `done()`, a million times at most: turns of a real loop, and in a
/// simulated world, whose clock stands still during turns, moments.
template <class F>
Coro<bool> until(F done) {
  const Nanoseconds moment = simulated_world() != nullptr ? 100us : 0us;
  for (int i = 0; i < 1'000'000; ++i) {
    if (done()) co_return true;
    co_await sleep(moment);
  }
  co_return false;
}

}  // namespace asyncio::http::testing
