// What a request costs, in what can be counted: system calls at the backend's seam, allocations.
#include "http/http_fixture.hpp"
#include "support/heap_calls.hpp"

namespace asyncio::http {
namespace {

using namespace testing;
using asyncio::test::heap_calls;
using asyncio::testing::Operation;

constexpr long kRequests = 100;
constexpr long kMostAllocations = 13;

Coro<Response> hello(Request&) { co_return Response("Hello, World!"); }

Coro<Server> start_hello() {
  Application app;
  app.add_get("/", hello);
  co_return co_await start_server(std::move(app), "127.0.0.1", 0);
}

Coro<> ask(ClientSession* session, std::string url, long times) {
  for (long i = 0; i < times; ++i) {
    ClientResponse response = co_await session->get(url);
    const std::string body = co_await std::move(response).read();
    EXPECT_EQ(body.size(), 13U);
  }
}

std::string url_of(const Server& server) {
  return "http://127.0.0.1:" + std::to_string(server.port()) + "/";
}

class http_system_calls : public SimulatedHttpTest {
 protected:
  /// How many calls of this kind were made while `coroutine` ran.
  Coro<std::uint64_t> count(Operation operation, Coro<> coroutine) {
    const std::uint64_t before = backend().calls(operation);
    co_await std::move(coroutine);
    co_return backend().calls(operation) - before;
  }
};

TEST_F(http_system_calls, of_a_kept_connection_are_one_send_and_one_recv_on_each_side) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_hello();
    Session session;
    const std::string url = url_of(server);
    co_await ask(&session, url, 3);
    EXPECT_EQ(co_await count(Operation::send, ask(&session, url, kRequests)), 2 * kRequests);
    EXPECT_EQ(co_await count(Operation::recv, ask(&session, url, kRequests)), 2 * kRequests);
    for (const Operation other : {Operation::watch, Operation::socket, Operation::connect,
                                  Operation::accept, Operation::set_option}) {
      EXPECT_EQ(co_await count(other, ask(&session, url, kRequests)), 0U)
          << "operation " << static_cast<int>(other);
    }
    session.close();
    co_await server.shutdown();
  };
  run(main());
}

TEST_F(http_system_calls, of_a_new_connection_register_it_once_on_each_side) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_hello();
    const std::string url = url_of(server);
    auto once = [](std::string to) -> Coro<> {
      Session session;
      co_await ask(&session, std::move(to), 1);
    };
    EXPECT_EQ(co_await count(Operation::watch, once(url)), 2U);
    EXPECT_EQ(co_await count(Operation::connect, once(url)), 1U);
    co_await server.shutdown();
  };
  run(main());
}

class http_allocations : public HttpTest {};

// Client and server together; frames come from the pool and are not counted. The client: what is
// asked, its fields and their text, the request's head, the response with its URL, its fields and
// their text. The server: the request's fields and text, the response's.
TEST_F(http_allocations, of_a_kept_connection_stay_few) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_hello();
    Session session;
    const std::string url = url_of(server);
    co_await ask(&session, url, 10);
    const long before = heap_calls;
    co_await ask(&session, url, kRequests);
    EXPECT_LT(heap_calls - before, kMostAllocations * kRequests + kRequests / 2);
    session.close();
    co_await server.shutdown();
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
