// Names by a resolver of the program's own.
#include <netdb.h>
#include <sys/socket.h>

#include "asyncio/net/resolver.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "support/simulated_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using Addresses = std::vector<SocketAddress>;

SocketAddress address(std::string_view host, std::uint16_t port = 0) {
  SocketAddress out;
  EXPECT_TRUE(SocketAddress::parse(host, port, out));
  return out;
}

// Knows what a test tells it, and takes a second for it.
class Book : public AbstractResolver {
 public:
  Coro<Addresses> resolve(std::string host, int port, int family) override {
    asked.push_back(host + ":" + std::to_string(port) + " " + std::to_string(family));
    if (host == "refused.test") throw ValueError("not this one");
    return look_up(this, std::move(host));
  }
  NameCacheOptions cache() const override { return options; }

  std::map<std::string, Addresses> known;
  std::vector<std::string> asked;
  int ended_early = 0;
  NameCacheOptions options;

 private:
  static Coro<Addresses> look_up(Book* self, std::string host) {
    struct Early {
      Book* book;
      ~Early() {
        if (book != nullptr) ++book->ended_early;
      }
    } early{self};
    co_await sleep(1s);
    early.book = nullptr;
    if (host == "failed.test") co_await raise<OSError>(EIO, "the book is torn");
    co_return self->known[host];
  }
};

class program_resolver : public test::SimulatedTest {
 protected:
  program_resolver() { loop().set_resolver(book); }
  static Coro<std::string> ask(std::string host, int port = 80, int family = 0) {
    ResolveOptions options;
    options.family = family;
    auto found = co_await try_(getaddrinfo(host, port, options));
    if (!found.ok()) co_return describe(found.exception());
    std::string out;
    for (const SocketAddress& each : found.value()) {
      out += (out.empty() ? "" : " ") + each.to_string();
    }
    co_return out;
  }
  std::shared_ptr<Book> book = std::make_shared<Book>();
};

TEST_F(program_resolver, is_asked_for_host_port_and_family_and_its_order_and_ports_stay) {
  auto main = [&]() -> Coro<> {
    book->known["shop.test"] = {address("10.0.0.9"), address("10.0.0.2", 8080), address("::5")};
    EXPECT_EQ(co_await ask("Shop.test", 80, AF_INET), "10.0.0.9:80 10.0.0.2:8080 [::5]:80");
    EXPECT_EQ(book->asked, std::vector<std::string>{"shop.test:80 " + std::to_string(AF_INET)});
  };
  run(main());
}

TEST_F(program_resolver, is_what_connections_go_by) {
  auto main = [&]() -> Coro<> {
    network().add_host("a server", "10.0.0.2");
    auto handle = [](StreamReader, StreamWriter writer) { writer.write("hello"); };
    Server server = co_await start_server(handle, "10.0.0.2", 8080);
    book->known["shop.test"] = {address("10.0.0.2", 8080)};
    auto [reader, writer] = co_await open_connection("shop.test", 80);
    EXPECT_EQ(co_await reader.readexactly(5), "hello");
    EXPECT_EQ(writer.peername().to_string(), "10.0.0.2:8080");
  };
  run(main());
}

TEST_F(program_resolver, answers_are_shared_and_kept_for_each_port) {
  auto main = [&]() -> Coro<> {
    book->known["shop.test"] = {address("10.0.0.2")};
    auto both = co_await gather(ask("shop.test"), ask("shop.test"));
    EXPECT_EQ(std::get<0>(both), std::get<1>(both));
    EXPECT_EQ(elapsed(), 1s);
    co_await ask("shop.test");
    EXPECT_EQ(book->asked.size(), 1U);
    co_await ask("shop.test", 443);
    EXPECT_EQ(book->asked.size(), 2U);
    co_await sleep(11s);
    co_await ask("shop.test");
    EXPECT_EQ(book->asked.size(), 3U) << "the default time to live is over";
    book->options.max_entries = 0;
    loop().set_resolver(book);
    for (int i = 0; i < 2; ++i) co_await ask("shop.test");
    EXPECT_EQ(book->asked.size(), 5U);
  };
  run(main());
}

TEST_F(program_resolver, what_it_throws_everybody_who_asked_gets) {
  auto main = [&]() -> Coro<> {
    const std::string torn = "OSError: the book is torn: input/output error";
    auto both = co_await gather(ask("failed.test"), ask("failed.test"));
    EXPECT_EQ(std::get<0>(both), torn);
    EXPECT_EQ(std::get<1>(both), torn);
    EXPECT_EQ(co_await ask("refused.test"), "ValueError: not this one");
    EXPECT_EQ(co_await ask("nobody.test"),
              "GaiError: getaddrinfo nobody.test: the resolver knows no address");
  };
  run(main());
}

TEST_F(program_resolver, is_cancelled_when_nobody_waits_any_more) {
  auto main = [&]() -> Coro<> {
    Task<std::string> one = create_task(ask("shop.test"));
    Task<std::string> two = create_task(ask("shop.test"));
    co_await sleep(100ms);
    one.cancel();
    co_await sleep(100ms);
    EXPECT_EQ(book->ended_early, 0);
    two.cancel();
    co_await sleep(100ms);
    EXPECT_EQ(book->ended_early, 1);
    // And whoever comes then asks anew.
    book->known["shop.test"] = {address("10.0.0.2")};
    EXPECT_EQ(co_await ask("shop.test"), "10.0.0.2:80");
    EXPECT_EQ(book->asked.size(), 2U);
    std::vector<Task<std::string>> tasks{one, two};
    (void)co_await wait(tasks);
  };
  run(main());
}

TEST_F(program_resolver, numbers_any_address_and_what_is_no_name_are_none_of_its_business) {
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(co_await ask("10.0.0.3"), "10.0.0.3:80");
    EXPECT_EQ(co_await ask("::1"), "[::1]:80");
    EXPECT_EQ(co_await ask("", 80, AF_INET), "127.0.0.1:80");
    EXPECT_EQ(co_await ask("a b"), "GaiError: getaddrinfo 'a b': a host name has no ' '");
    EXPECT_TRUE(book->asked.empty());
    EXPECT_THROW(loop().set_resolver(std::shared_ptr<AbstractResolver>()), ValueError);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
