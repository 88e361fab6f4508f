// Servers that run until they are told to end, sockets, and every read of a stream.
#include <sys/socket.h>

#include <array>

#include "asyncio/http/client_session.hpp"
#include "asyncio/http/server.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/run/event_loop.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

// What the peer does is no failure of the one who serves it.
Coro<bool> if_the_peer_lets(Coro<> step) {
  Result<void> result = co_await try_(std::move(step));
  if (is_cancelled(result.exception())) co_await raise(result.exception());
  co_return result.ok();
}

// --- Server.serve_forever
// -------------------------------------------------------------------------

Coro<> greets(StreamReader reader, StreamWriter writer) {
  auto talk = [](StreamReader from, StreamWriter to) -> Coro<> {
    const std::string name = co_await from.readline();
    to.write("hello " + name);
    co_await to.drain();
  };
  const bool ok = co_await if_the_peer_lets(talk(reader, writer));
  (void)ok;
  writer.close();
}
Coro<> is_greeted(int port, std::string& wrong) {
  auto [reader, writer] = co_await wait_for(open_connection("127.0.0.1", port), 200s);
  writer.write("you\n");
  const std::string answer = co_await wait_for(reader.read(), 5s);
  if (answer.size() > 10 || !std::string_view("hello you\n").starts_with(answer)) {
    wrong = "another answer: " + answer;
  }
  writer.close();
  co_await wait_for(writer.wait_closed(), 5s);
}
Coro<> serves(Server server) { co_await server.serve_forever(); }

Coro<> until_cancelled(std::string& wrong) {
  Server server = co_await start_server(greets, "127.0.0.1", 0, {.start_serving = false});
  const int port = server.sockets().at(0).port();
  Task<> serving = create_task(serves(server));
  co_await sleep(0s);
  Result<void> greeted = co_await try_(is_greeted(port, wrong));
  serving.cancel();
  std::vector<Task<>> one(1, serving);
  co_await wait(one);
  if (server.is_serving()) wrong = "it serves on";
  if (!greeted.ok()) co_await raise(greeted.exception());
}
TEST(torture, serve_forever) {
  Survives survives("serve_forever", until_cancelled);
  survives.with_a_network().cancels().splits().cuts().failing_allocations();
}

// --- HTTP, our server and our client
// --------------------------------------------------------------

Coro<http::Response> answers_page(http::Request&) {
  co_await sleep(0s);
  co_return http::Response("0123456789");
}
Coro<http::Response> answers_body(http::Request& request) {
  const std::string body = co_await request.read();
  co_return http::Response(body);
}
Coro<> writes_pieces(http::BodyWriter& writer) {
  for (int i = 0; i < 3; ++i) {
    co_await writer.write("piece");
    co_await sleep(1ms);
  }
}
Coro<http::Response> answers_pieces(http::Request&) {
  co_return http::Response::stream(writes_pieces, "text/plain");
}

Coro<> fetches_all(int port, std::string& wrong) {
  const std::string base = "http://127.0.0.1:" + std::to_string(port);
  http::ClientSession session;
  http::ClientResponse page = co_await session.get(base + "/page").timeout(10s);
  const std::string text = co_await page.text();
  if (page.ok() && text != "0123456789") wrong = "another page: " + text;
  http::ClientRequest post = session.post(base + "/echo");
  post.data("what was sent").timeout(10s);
  http::ClientResponse echo = co_await post;
  const std::string body = co_await echo.read();
  if (echo.ok() && body != "what was sent") wrong = "another body: " + body;
  http::ClientResponse streamed = co_await session.get(base + "/pieces").timeout(10s);
  std::string pieces;
  for (;;) {
    const std::string piece = co_await streamed.readany();
    if (piece.empty()) break;
    pieces += piece;
  }
  if (streamed.ok() && pieces != "piecepiecepiece") wrong = "other pieces: " + pieces;
}

Coro<> serves_pages(http::Server server) { co_await server.serve_forever(); }

Coro<> http_pages(std::string& wrong) {
  http::Application app;
  app.add_get("/page", answers_page);
  app.add_post("/echo", answers_body);
  app.add_get("/pieces", answers_pieces);
  http::Server server = co_await http::start_server(std::move(app), "127.0.0.1", 0);
  Task<> serving = create_task(serves_pages(server));
  Result<void> fetched = co_await try_(fetches_all(server.port(), wrong));
  co_await server.shutdown(1s);
  std::vector<Task<>> one(1, serving);
  co_await wait(one);
  if (!fetched.ok()) co_await raise(fetched.exception());
}
TEST(torture, http_server) {
  Survives survives("http_server", http_pages);
  survives.scenario().tolerate("main failed: ClientError").tolerate("main failed: Server");
  survives.scenario().tolerate("main failed: asyncio::http::").tolerate("main failed: Client");
  survives.with_a_network().cancels().splits().cuts().failing_allocations();
}

// --- sockets
// --------------------------------------------------------------------------------------

struct SharedSocket final : Socket {
  using Socket::Socket;
};

Coro<> answers_once(std::shared_ptr<SharedSocket> listener, std::string& wrong) {
  SocketAddress peer;
  Socket socket(listener->scheduler(), co_await listener->accept(&peer));
  std::array<std::byte, 4> head{};
  const std::size_t count = co_await socket.recv(head);
  if (count == 0) co_return;
  co_await socket.wait_readable();
  const auto rest = co_await socket.recv_some();
  if (rest.size() > 8) wrong = "more came than was sent";
  co_await socket.wait_writable();
  co_await socket.send_all(std::span<const std::byte>(head).first(count));
}
Coro<> asks_once(std::shared_ptr<SharedSocket> socket, SocketAddress address, std::string& wrong) {
  co_await socket->connect(address);
  co_await socket->send_all("question");
  std::array<std::byte, 8> answer{};
  const std::size_t count = co_await socket->recv(answer);
  if (count > 4) wrong = "a longer answer";
}
Coro<> sockets(std::string& wrong) {
  Scheduler& scheduler = get_running_loop().scheduler();
  auto listener = std::make_shared<SharedSocket>(scheduler);
  SocketAddress address;
  SocketAddress::parse("127.0.0.1", 0, address);
  if (listener->open(AF_INET, SOCK_STREAM) != 0) co_return;
  if (listener->bind(address) != 0 || listener->listen(5) != 0) co_return;
  auto answers = [](std::shared_ptr<SharedSocket> at, std::string& says) -> Coro<> {
    co_await wait_for(answers_once(std::move(at), says), 5s);
  };
  Task<> answering = create_task(answers(listener, wrong));
  auto socket = std::make_shared<SharedSocket>(scheduler);
  if (socket->open(AF_INET, SOCK_STREAM) != 0) co_return;
  Result<void> asked =
      co_await try_(wait_for(asks_once(socket, listener->local_address(), wrong), 5s));
  socket->close();
  listener->close();  // ends an accept() that nobody came to
  std::vector<Task<>> one(1, answering);
  co_await wait(one);
  if (!asked.ok()) co_await raise(asked.exception());
}
TEST(torture, socket) {
  Survives survives("socket", sockets);
  survives.with_a_network().cancels().splits().cuts().failing_calls().failing_allocations();
}

// --- every read
// -----------------------------------------------------------------------------------

Coro<> writes_parts(StreamWriter writer) {
  for (const char* part :
       {"a line\nthe ne", "xt\nhead: 1\r", "\n\r\nexactly", "buffer", "filled"}) {
    writer.write(part);
    co_await writer.drain();
    co_await sleep(1ms);
  }
  const std::array<std::string_view, 2> rest{"the", " rest"};
  writer.writelines(rest);
  writer.write_eof();
}
Coro<> writes_to_client(StreamReader, StreamWriter writer) {
  const bool ok = co_await if_the_peer_lets(writes_parts(writer));
  (void)ok;
  writer.close();
  co_await if_the_peer_lets(writer.wait_closed());
}
Coro<std::string> reads_in_all_ways(StreamReader reader) {
  std::string all = co_await reader.readline();
  const std::optional<std::string> line = co_await reader.next_line();
  all += line.value_or("");
  all += co_await reader.readuntil("\r\n\r\n", "\n\n");
  all += co_await reader.readexactly(7);
  std::array<std::byte, 3> buffer{};
  std::size_t wanted = 6;
  while (wanted > 0) {
    const std::size_t count =
        co_await reader.read_into(std::span(buffer).first(std::min<std::size_t>(3, wanted)));
    if (count == 0) break;
    all.append(reinterpret_cast<const char*>(buffer.data()), count);
    wanted -= count;
  }
  while (reader.buffered().size() < 6) {
    const std::size_t count = co_await reader.fill();
    if (count == 0) break;
  }
  all += reader.buffered().substr(0, 6);
  reader.consume(std::min<std::size_t>(6, reader.buffered().size()));
  all += co_await reader.read(3);
  all += co_await reader.read();
  co_return all;
}
Coro<> every_read(std::string& wrong) {
  const std::string_view expected = "a line\nthe next\nhead: 1\r\n\r\nexactlybufferfilledthe rest";
  Server server = co_await start_server(writes_to_client, "127.0.0.1", 0);
  StreamPair streams =
      co_await wait_for(open_connection("127.0.0.1", server.sockets().at(0).port()), 200s);
  Result<std::string> read = co_await try_(wait_for(reads_in_all_ways(streams.first), 5s));
  streams.second.close();
  server.close();
  if (read.ok() && !expected.starts_with(read.value())) wrong = "something else: " + read.value();
  if (!read.ok() && !base::exception_is<IncompleteReadError>(read.exception())) {
    co_await raise(read.exception());
  }
}
TEST(torture, every_read) {
  Survives survives("every_read", every_read);
  survives.with_a_network().cancels().splits().cuts().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
