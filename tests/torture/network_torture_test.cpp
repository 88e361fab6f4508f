// Streams, servers and HTTP, in a network where everything goes wrong once.
#include "asyncio/http/client_session.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

Coro<> echo(StreamReader reader, StreamWriter writer) {
  for (;;) {
    Result<std::string> line = co_await try_(reader.readline());
    // What becomes of a client is its own affair.
    if (base::exception_is<CancelledError>(line.exception())) co_await raise(line.exception());
    if (!line.ok() || line.value().empty()) break;
    writer.write(line.value());
    Result<void> drained = co_await try_(writer.drain());
    if (base::exception_is<CancelledError>(drained.exception())) {
      co_await raise(drained.exception());
    }
    if (!drained.ok()) break;
  }
  writer.close();
}

Coro<> ask(int port, std::string& wrong) {
  auto [reader, writer] = co_await wait_for(open_connection("127.0.0.1", port), 200s);
  for (int i = 0; i < 2; ++i) {
    writer.write("question\n");
    co_await wait_for(writer.drain(), 5s);
    const std::string answer = co_await wait_for(reader.readline(), 5s);
    if (answer.empty()) break;  // ended too early
    if (answer != "question\n" && answer.ends_with('\n')) wrong = "another answer: " + answer;
  }
  writer.close();
  co_await wait_for(writer.wait_closed(), 5s);
}

Coro<> streams(std::string& wrong) {
  Server server = co_await start_server(echo, "127.0.0.1", 0);
  const int port = server.sockets().at(0).port();
  co_await ask(port, wrong);
  server.close();
  server.close_clients();
  co_await wait_for(server.wait_closed(), 100s);
}

Coro<> two_clients(std::string& wrong) {
  Server server = co_await start_server(echo, "127.0.0.1", 0);
  const int port = server.sockets().at(0).port();
  Task<> first = create_task(ask(port, wrong));
  Task<> second = create_task(ask(port, wrong));
  std::vector<Task<>> tasks({first, second});
  co_await wait(tasks);
  for (const Task<>& task : tasks) {
    if (!task.cancelled() && task.exception()) co_await raise(task.exception());
  }
  server.close();
}

// Fault S1
// Fault S2
// Fault S6
TEST(torture, streams) {
  Survives survives("streams", streams);
  survives.with_a_network().cancels().splits().cuts().failing_calls().failing_allocations();
}
TEST(torture, server_with_two_clients) {
  Survives survives("server_with_two_clients", two_clients);
  survives.with_a_network().cancels().splits().cuts().failing_allocations();
}

Coro<> names(std::string&) {
  co_await getaddrinfo("localhost", 80);
  std::vector<AnyTask> both;
  co_await wait_for(getaddrinfo("localhost", 81), 1s);
}
TEST(torture, getaddrinfo) {
  Survives("getaddrinfo", names).cancels().failing_calls().failing_allocations();
}

Coro<> flow_control(std::string& wrong) {
  auto sink = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    std::size_t count = 0;
    for (;;) {
      Result<std::string> part = co_await try_(reader.read(3000));
      if (base::exception_is<CancelledError>(part.exception())) co_await raise(part.exception());
      if (!part.ok() || part.value().empty()) break;
      count += part.value().size();
      co_await sleep(0s);
    }
    writer.write(std::to_string(count));
    writer.close();
  };
  Server server = co_await start_server(sink, "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.sockets().at(0).port());
  writer.set_write_buffer_limits(1000, 100);
  for (int i = 0; i < 8; ++i) {
    writer.write(std::string(2000, 'x'));
    co_await wait_for(writer.drain(), 5s);
  }
  writer.write_eof();
  const std::string count = co_await wait_for(reader.read(), 5s);
  if (count != "16000" && count.size() == 5) wrong = "the server saw " + count;
  writer.close();
  server.close();
}
// Fault S7
TEST(torture, flow_control) {
  Survives survives("flow_control", flow_control);
  survives.scenario().network([](testing::Network& network) { network.set_buffer(3000); });
  survives.with_a_network().cancels().splits().failing_allocations();
}

Coro<> serve_page(StreamReader reader, StreamWriter writer) {
  Result<std::string> head = co_await try_(reader.readuntil("\r\n\r\n"));
  if (base::exception_is<CancelledError>(head.exception())) co_await raise(head.exception());
  if (head.ok()) {
    writer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789");
  }
  writer.close();
}

Coro<> http_get(std::string& wrong) {
  Server server = co_await start_server(serve_page, "127.0.0.1", 0);
  const std::string url =
      "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port()) + "/page";
  http::ClientSession session;
  http::ClientResponse response = co_await session.get(url).timeout(10s);
  const std::string body = co_await response.text();
  if (body != "0123456789") wrong = "another body: " + body;
  server.close();
}
TEST(torture, http_client) {
  Survives survives("http_client", http_get);
  survives.scenario().tolerate("main failed: ClientError").tolerate("main failed: Server");
  survives.scenario().tolerate("main failed: asyncio::http::").tolerate("main failed: Client");
  survives.with_a_network().cancels().splits().cuts().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
