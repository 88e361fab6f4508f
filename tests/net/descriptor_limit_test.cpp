// A server in a process that has no descriptors left. The limit is the kernel's, so the loop is
// real; the test waits for the server's own retry and for nothing else.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

class descriptor_limit : public test::SocketTest {};

// Connected by the kernel as soon as it stands in the listener's queue.
int connect_blocking(const SocketAddress& to) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, static_cast<const sockaddr*>(to.data()), to.size()), 0);
  return fd;
}

// Fault L9
TEST_F(descriptor_limit, accepting_pauses_with_one_report_and_goes_on_by_itself) {
#if ASYNCIO_ADDRESS_SANITIZER
  GTEST_SKIP() << "the sanitizer needs descriptors itself";
#endif
  std::vector<std::string> reports;
  Future<> reported = loop().create_future<void>();
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& context) {
    reports.push_back(context.message);
    if (!reported.done()) reported.set_result();
  });
  auto main = [&]() -> Coro<> {
    Future<> greeted = loop().create_future<void>();
    auto handler = [&](StreamReader, StreamWriter writer) {
      writer.close();
      greeted.set_result();
    };
    Server server = co_await start_server(handler, "127.0.0.1", 0);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int client = connect_blocking(server.sockets().at(0));
    const int next = ::dup(client);  // the lowest free number
    ::close(next);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
    co_await reported;
    const std::uint64_t turns = scheduler().turns();
    ::setrlimit(RLIMIT_NOFILE, &before);
    co_await greeted;
    // Under the thread sanitizer a loop looks around every 10 ms; one that spins makes 100,000
    // turns.
    EXPECT_LT(scheduler().turns() - turns, 500U) << "it spins while it waits";
    EXPECT_EQ(reports.size(), 1U);
    ::close(client);
    server.close();
    co_await server.wait_closed();
  };
  run(main());
  EXPECT_THAT(reports, ::testing::ElementsAre(
                           "socket.accept() out of system resource; accepting goes on in 1 s"));
}

}  // namespace
}  // namespace asyncio
