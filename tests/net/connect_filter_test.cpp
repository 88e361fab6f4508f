// Which addresses may be connected to: what the final address is counts, not what it was called.
#include "asyncio/net/connect_filter.hpp"

#include <sys/socket.h>

#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "support/simulated_test.hpp"

namespace asyncio {
namespace {

using test::describe;

bool global(std::string_view host) {
  SocketAddress address;
  EXPECT_TRUE(SocketAddress::parse(host, 0, address)) << host;
  return is_global(address);
}

// As CPython's ipaddress says, of each kind the last address within and the first one beyond.
TEST(is_global, is_what_the_registries_leave_to_the_internet) {
  for (const char* host :
       {"1.1.1.1",        "9.255.255.255",    "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",    "126.255.255.255",  "128.0.0.0",       "169.253.255.255",
        "169.255.0.0",    "172.15.255.255",   "172.32.0.0",      "192.0.0.9",
        "192.0.0.10",     "192.0.1.0",        "192.0.3.0",       "192.167.255.255",
        "192.169.0.0",    "198.17.255.255",   "198.20.0.0",      "198.51.101.0",
        "203.0.114.0",    "239.255.255.255",  "2606:4700::1111", "2001:200::",
        "2001:1::1",      "2001:3::",         "2001:4:112::",    "2001:20::",
        "2001:30::",      "2001:db9::",       "2003::",          "fbff::",
        "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "64:ff9b:2::"}) {
    EXPECT_TRUE(global(host)) << host;
  }
  for (const char* host : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.0.255",
                           "192.0.2.1",
                           "192.168.255.255",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "240.0.0.0",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:1ff::",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "3fff::1",
                           "fc00::",
                           "fdff::1",
                           "fe80::1",
                           "febf::1"}) {
    EXPECT_FALSE(global(host)) << host;
  }
  EXPECT_FALSE(is_global(SocketAddress::unix_path("/run/x"))) << "nothing of the internet's";
}

class connect_filter : public test::SimulatedTest {
 protected:
  Coro<Server> serve(std::string_view name, std::string_view host) {
    network().add_host(name, host);
    co_return co_await start_server([](StreamReader, StreamWriter) {}, host, 80);
  }
  static Coro<std::string> connect(std::string host, ConnectOptions options) {
    auto streams = co_await try_(open_connection(host, 80, options));
    if (!streams.ok()) co_return describe(streams.exception());
    co_return streams.value().second.peername().host();
  }
};

// What a service that fetches for strangers must not reach.
TEST_F(connect_filter, what_is_refused_is_never_connected_to_and_the_error_names_it) {
  auto main = [&]() -> Coro<> {
    Server inner = co_await serve("inner.test", "10.0.0.2");
    const ConnectOptions options{.connect_filter = is_global};
    for (const char* host : {"inner.test", "10.0.0.2"}) {
      EXPECT_EQ(
          co_await connect(host, options),
          "PermissionError: connect 10.0.0.2:80 (refused by connect_filter): permission denied");
    }
    EXPECT_EQ(network().connections(), 0U);
    EXPECT_EQ(co_await connect("inner.test", {}), "10.0.0.2");
  };
  run(main());
}

TEST_F(connect_filter, the_next_address_of_the_name_is_tried_at_once) {
  auto main = [&]() -> Coro<> {
    Server one = co_await serve("shop.test", "10.0.0.2");
    Server two = co_await serve("shop.test", "8.8.8.8");
    ConnectOptions options{.connect_filter = is_global};
    EXPECT_EQ(co_await connect("shop.test", options), "8.8.8.8");
    options.happy_eyeballs_delay = std::chrono::seconds(5);
    EXPECT_EQ(co_await connect("shop.test", options), "8.8.8.8");
    EXPECT_LT(elapsed(), std::chrono::seconds(5));
  };
  run(main());
}

// Fault D5
TEST_F(connect_filter, a_name_that_changes_its_address_does_not_get_around_it) {
  struct Rebinding final : AbstractResolver {
    Coro<std::vector<SocketAddress>> resolve(std::string, int, int) override {
      SocketAddress address;
      SocketAddress::parse(asked++ == 0 ? "8.8.8.8" : "127.0.0.1", 0, address);
      co_return std::vector<SocketAddress>(1, address);
    }
    NameCacheOptions cache() const override { return {.max_entries = 0}; }
    int asked = 0;
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve("outer", "8.8.8.8");
    loop().set_resolver(std::make_shared<Rebinding>());
    const ConnectOptions options{.connect_filter = is_global};
    // Whoever checks a name by itself sees another answer than who connects then.
    EXPECT_TRUE(is_global((co_await getaddrinfo("rebinds.test", 80)).at(0)));
    EXPECT_THAT(co_await connect("rebinds.test", options),
                ::testing::HasSubstr("connect 127.0.0.1:80 (refused by connect_filter)"));
  };
  run(main());
}

TEST_F(connect_filter, is_a_function_a_lambda_or_an_object_and_what_it_throws_comes_out) {
  struct Only {
    std::string host;
    bool operator()(const SocketAddress& address) const { return address.host() == host; }
  };
  auto main = [&]() -> Coro<> {
    Server one = co_await serve("one.test", "10.0.0.2");
    Server two = co_await serve("two.test", "10.0.0.3");
    const Only only{"10.0.0.3"};
    const ConnectOptions by_object{.connect_filter = only};
    EXPECT_THAT(co_await connect("one.test", by_object), ::testing::HasSubstr("refused"));
    EXPECT_EQ(co_await connect("two.test", by_object), "10.0.0.3");
    ConnectOptions by_lambda;
    by_lambda.connect_filter = [](const SocketAddress&) { return true; };
    EXPECT_EQ(co_await connect("one.test", by_lambda), "10.0.0.2");
    by_lambda.connect_filter = [](const SocketAddress& address) -> bool {
      throw ValueError("never to " + address.host());
    };
    EXPECT_EQ(co_await connect("one.test", by_lambda), "ValueError: never to 10.0.0.2");
    static_assert(!std::is_constructible_v<ConnectFilter, Only&&>, "it would be gone");
    static_assert(std::is_trivially_destructible_v<ConnectFilter>);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
