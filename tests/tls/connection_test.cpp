// Streams over TLS, in a simulated world. The ids are CPython 3.15's.
#include <gmock/gmock.h>

#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/socket_test.hpp"
#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::client_context;
using test::echo_lines;
using test::server_context;
using test::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class tls_connection : public test::TlsTest {
 protected:
  // One question over a connection of its own.
  static Coro<std::string> ask(int port, ConnectOptions options, std::string question) {
    auto [reader, writer] = co_await open_connection("127.0.0.1", port, options);
    writer.write(question);
    std::string answer = co_await reader.readline();
    writer.close();
    co_await writer.wait_closed();
    co_return answer;
  }
};

TEST_F(tls_connection, lines_go_there_and_back) {
  auto main = [&]() -> Coro<> {
    const ssl::SSLContext ours = server_context();
    const ssl::SSLContext theirs = client_context();
    Server server = co_await start_server(echo_lines, "127.0.0.1", 0, serving(ours));
    const std::string answer = co_await ask(port_of(server), secure(theirs), "hello\n");
    EXPECT_EQ(answer, "hello\n");
    server.close();
    co_await server.wait_closed();
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
