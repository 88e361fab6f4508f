// What a loop remembers of names, who shares a look-up, and what is never asked. The world counts.
#include "net/name_service.hpp"

#include <netdb.h>

#include "asyncio/net/resolver.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "net/host_name.hpp"
#include "net/resolver_files.hpp"
#include "support/simulated_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using ::testing::HasSubstr;
using testing::Operation;
using ::testing::StartsWith;

// --- what may be asked --------------------------------------------------------------------------

std::string verdict(std::string_view host) {
  const std::exception_ptr error = detail::check_host_name(host);
  return error ? describe(error) : "a host name";
}

// Fault D1
TEST(host_name, what_is_none_is_refused_before_anybody_is_asked) {
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_EQ(verdict("shop.example"), "a host name");
  EXPECT_EQ(verdict("shop.example."), "a host name");
  EXPECT_EQ(verdict("_dmarc.my-shop.example"), "a host name");
  EXPECT_EQ(verdict(name), "a host name") << "253 characters";
  EXPECT_EQ(verdict(name + "."), "a host name") << "and a dot that says: this is all of it";
  EXPECT_THAT(verdict(name + "b"), HasSubstr(": longer than 253 characters"));
  for (const std::string& bad : {std::string("a..b"), std::string(".a"), std::string("."),
                                 std::string("a.."), label + "a.example"}) {
    EXPECT_THAT(verdict(bad), StartsWith("ValueError: getaddrinfo ")) << bad;
    EXPECT_THAT(verdict(bad), HasSubstr("label empty or too long")) << bad;
  }
  EXPECT_EQ(verdict(std::string_view("a\0b", 3)),
            "ValueError: embedded null character in the host name");
  EXPECT_EQ(verdict("a b"), "GaiError: getaddrinfo 'a b': a host name has no ' '");
  EXPECT_EQ(verdict("a\n"), "GaiError: getaddrinfo 'a\\n': a host name has no '\\n'");
  EXPECT_THAT(verdict("a/b"), HasSubstr("a host name has no '/'"));
}

// Fault D2: one rule, which is that of the parser of numeric addresses.
TEST(host_name, what_is_an_ipv4_address_to_some_is_refused) {
  for (const char* odd : {"127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
                          "1.2.3.4.5", "256.1.1.1", "127.0.0.1.", "0x", "shop.0xff"}) {
    EXPECT_THAT(verdict(odd), HasSubstr("an IPv4 address is four decimal numbers")) << odd;
  }
  EXPECT_EQ(verdict("4chan.example"), "a host name");
  EXPECT_EQ(verdict("127.0.0.1.example"), "a host name");
  EXPECT_EQ(verdict("0xdg"), "a host name");
  EXPECT_THAT(verdict("[::ffff:127.0.0.1]"), HasSubstr("brackets of an IPv6 address"));
  EXPECT_THAT(verdict("::1%nosuch"), HasSubstr("not an IPv6 address"));
  EXPECT_THAT(verdict("1::2::3"), HasSubstr("not an IPv6 address"));
}

// Fault D3
TEST(host_name, other_alphabets_must_be_written_as_xn) {
  EXPECT_THAT(verdict("b\xc3\xbc"
                      "cher.example"),
              HasSubstr("(IDNA)"));
  EXPECT_EQ(verdict("xn--bcher-kva.example"), "a host name");
}

// --- files --------------------------------------------------------------------------------------

using Names = std::vector<std::string>;

TEST(resolv_conf, is_read_as_the_c_library_reads_it) {
  const auto conf = detail::ResolvConf::parse(
      "# a comment\n; another\nnameserver 10.0.0.1\nnameserver  fd00::1\nnameserver dns.example\n"
      "domain old.example\nsearch one.example two.example .\n"
      "options ndots:3 timeout:99 attempts:4 rotate debug ndots\nnonsense\nsearch");
  EXPECT_EQ(conf.nameservers, (Names{"10.0.0.1", "fd00::1"}));
  EXPECT_EQ(conf.search, Names()) << "the last one counts";
  EXPECT_EQ(conf.ndots, 3);
  EXPECT_EQ(conf.timeout_s, 30);
  EXPECT_EQ(conf.attempts, 4);
  EXPECT_TRUE(conf.rotate);
  EXPECT_EQ(detail::ResolvConf::parse("domain a.example b.example").search, (Names{"a.example"}));
  EXPECT_EQ(detail::ResolvConf::parse("").ndots, 1);
}

TEST(resolv_conf, says_which_names_a_short_one_stands_for) {
  detail::ResolvConf conf;
  conf.search = {"one.example", "two.example"};
  EXPECT_EQ(conf.names_of("db"), (Names{"db.one.example", "db.two.example", "db"}));
  EXPECT_EQ(conf.names_of("db.eu"), (Names{"db.eu", "db.eu.one.example", "db.eu.two.example"}));
  EXPECT_EQ(conf.names_of("db."), (Names{"db"}));
  const std::string longest = std::string(60, 'a') + "." + std::string(60, 'a') + "." +
                              std::string(60, 'a') + "." + std::string(60, 'a');
  EXPECT_EQ(conf.names_of(longest), (Names{longest})) << "others would be too long";
}

// --- the cache ----------------------------------------------------------------------------------

class name_service : public test::SimulatedTest {
 protected:
  std::uint64_t look_ups() { return backend().calls(Operation::resolve); }
  static Coro<> ask(std::string host, int family = 0) {
    ResolveOptions options;
    options.family = family;
    (void)co_await try_(getaddrinfo(host, 80, options));
  }
};

// Fault D9
TEST_F(name_service, an_answer_without_a_time_to_live_is_good_for_ten_seconds) {
  auto main = [&]() -> Coro<> {
    network().add_host("one.example", "10.0.0.1");
    network().add_host("two.example", "10.0.0.2");
    for (int i = 0; i < 3; ++i) {
      const auto addresses = co_await getaddrinfo("One.example", 80 + i);
      EXPECT_EQ(addresses.at(0).to_string(), "10.0.0.1:" + std::to_string(80 + i));
    }
    EXPECT_EQ(look_ups(), 1U);
    co_await sleep(6s);
    co_await ask("one.example");
    co_await ask("two.example");
    EXPECT_EQ(look_ups(), 2U);
    co_await sleep(5s);
    co_await ask("one.example");
    EXPECT_EQ(look_ups(), 3U) << "eleven seconds are too old";
    co_await ask("two.example");
    EXPECT_EQ(look_ups(), 3U) << "and five are not";
    co_await ask("one.example", AF_INET);
    EXPECT_EQ(look_ups(), 4U) << "another family, another question";
  };
  run(main());
}

// Whoever has checked an address connects to that address, not to the name again; and a connection
// tells where it has ended up, which for a name may be elsewhere by then.
// Fault D5
TEST_F(name_service, an_answer_that_changes_moves_no_address_that_was_checked) {
  auto main = [&]() -> Coro<> {
    const auto tell = [](StreamReader, StreamWriter writer) {
      writer.write(writer.sockname().host());
      writer.close();
    };
    network().add_host("good.example", "10.0.0.1");
    network().add_host("bad.example", "10.0.0.2");
    Server good = co_await start_server(tell, "10.0.0.1", 80);
    Server bad = co_await start_server(tell, "10.0.0.2", 80);
    network().set_answer("rebinds.example", {"10.0.0.1"});
    network().set_answer("rebinds.example", {"10.0.0.2"});
    const SocketAddress checked = (co_await getaddrinfo("rebinds.example", 80)).at(0);
    const auto ask_at = [&](std::string host) -> Coro<std::string> {
      auto [reader, writer] = co_await open_connection(host, 80);
      const std::string told = co_await reader.read();
      EXPECT_EQ(writer.peername().host(), told);
      writer.close();
      co_return told;
    };
    EXPECT_EQ(co_await ask_at("rebinds.example"), "10.0.0.1") << "for as long as it is remembered";
    EXPECT_EQ(look_ups(), 1U);
    co_await sleep(11s);
    EXPECT_EQ(co_await ask_at("rebinds.example"), "10.0.0.2");
    EXPECT_EQ(co_await ask_at(checked.host()), "10.0.0.1");
    EXPECT_EQ(look_ups(), 2U);
    good.close();
    bad.close();
  };
  run(main());
}

TEST_F(name_service, what_is_remembered_takes_no_turn) {
  auto main = [&]() -> Coro<> {
    network().add_host("one.example", "10.0.0.1");
    co_await ask("one.example");
    const auto before = turns();
    co_await ask("one.example");
    EXPECT_EQ(turns(), before);
  };
  run(main());
}

// Fault D9
TEST_F(name_service, that_there_is_no_such_host_is_remembered_for_a_moment_and_no_other_failure) {
  auto main = [&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) co_await ask("nowhere.example");
    EXPECT_EQ(look_ups(), 1U);
    co_await sleep(5s);
    network().add_host("nowhere.example", "10.0.0.3");
    EXPECT_EQ((co_await getaddrinfo("nowhere.example", 80)).size(), 1U);
    network().set_answer("later.example", {}, 1ms, EAI_AGAIN);
    for (int i = 0; i < 3; ++i) co_await ask("later.example");
    EXPECT_EQ(look_ups(), 5U);
  };
  run(main());
}

// Fault D9: as many names as one likes.
TEST_F(name_service, the_names_used_least_are_forgotten_when_there_are_too_many) {
  auto main = [&]() -> Coro<> {
    ThreadedResolver small;
    small.cache.max_entries = 2;
    loop().set_resolver(small);
    for (const char* host : {"a", "b", "a", "c", "a"}) co_await ask(host);
    EXPECT_EQ(look_ups(), 3U);
    co_await ask("b");
    EXPECT_EQ(look_ups(), 4U);
    for (int i = 0; i < 10'000; ++i) co_await ask("host" + std::to_string(i));
    const std::uint64_t before = look_ups();
    co_await ask("host9999");
    EXPECT_EQ(look_ups(), before);
  };
  run(main());
}

TEST_F(name_service, a_cache_may_be_switched_off_or_bounded_in_time) {
  auto main = [&]() -> Coro<> {
    ThreadedResolver without;
    without.cache.max_entries = 0;
    loop().set_resolver(without);
    for (int i = 0; i < 3; ++i) co_await ask("a");
    EXPECT_EQ(look_ups(), 3U);
    ThreadedResolver brief;
    brief.cache.max_ttl = 1s;
    network().add_host("b", "10.0.0.2");
    loop().set_resolver(brief);
    co_await ask("b");
    co_await sleep(2s);
    co_await ask("b");
    EXPECT_EQ(look_ups(), 5U);
    loop().clear_dns_cache();
    co_await ask("b");
    EXPECT_EQ(look_ups(), 6U);
  };
  run(main());
}

// --- one for all --------------------------------------------------------------------------------

TEST_F(name_service, a_thousand_who_ask_at_once_are_one_look_up) {
  auto main = [&]() -> Coro<> {
    network().add_host("one.example", "10.0.0.1");
    std::vector<Coro<std::vector<SocketAddress>>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(getaddrinfo("one.example", 1 + i));
    const auto answers = co_await gather(std::move(all));
    EXPECT_EQ(answers.at(999).at(0).to_string(), "10.0.0.1:1000");
    EXPECT_EQ(look_ups(), 1U);
  };
  run(main());
}

TEST_F(name_service, who_leaves_does_not_end_it_for_the_others) {
  auto main = [&]() -> Coro<> {
    network().add_host("one.example", "10.0.0.1");
    auto leaving = create_task(getaddrinfo("one.example", 80));
    auto staying = create_task(getaddrinfo("one.example", 81));
    co_await sleep(0s);
    leaving.cancel();
    EXPECT_EQ((co_await staying).at(0).port(), 81);
    EXPECT_TRUE(leaving.cancelled());
    EXPECT_EQ(look_ups(), 1U);
  };
  run(main());
}

// Fault D4
TEST_F(name_service, a_look_up_of_half_a_minute_is_left_at_once_and_the_next_one_asks_anew) {
  auto main = [&]() -> Coro<> {
    network().set_answer("slow.example", {"10.0.0.1"}, 30s);
    network().set_answer("slow.example", {"10.0.0.2"}, 1ms);
    auto leaving = create_task(getaddrinfo("slow.example", 80));
    co_await sleep(1s);
    const Nanoseconds before = elapsed();
    leaving.cancel();
    co_await sleep(0s);
    EXPECT_TRUE(leaving.cancelled());
    EXPECT_EQ(elapsed(), before);
    EXPECT_EQ((co_await getaddrinfo("slow.example", 80)).at(0).host(), "10.0.0.2");
    EXPECT_LT(elapsed() - before, 1s);
  };
  run(main());
}

// Fault D7
TEST_F(name_service, silent_name_servers_leave_threads_to_others) {
  auto main = [&]() -> Coro<> {
    std::vector<Task<std::vector<SocketAddress>>> all;
    for (int i = 0; i < 10; ++i) {
      const std::string host = "slow" + std::to_string(i);
      network().set_answer(host, {"10.0.0.1"}, 30s);
      all.push_back(create_task(getaddrinfo(host, 80)));
    }
    co_await sleep(1s);
    EXPECT_EQ(backend().jobs(), 4U);
    all[9].cancel();  // while it queues
    all[0].cancel();  // while it runs: its thread is not free before it ends
    co_await sleep(1s);
    EXPECT_EQ(backend().jobs(), 4U);
    EXPECT_EQ(look_ups(), 4U);
    all.erase(all.begin());
    all.pop_back();
    co_await wait(all);
    EXPECT_EQ(look_ups(), 9U);
    for (auto& look_up : all) EXPECT_EQ(look_up.result().size(), 1U);
  };
  run(main());
}

// Fault D6
TEST_F(name_service, addresses_come_once_and_no_more_than_anybody_would_try) {
  auto main = [&]() -> Coro<> {
    std::vector<std::string> many = {"10.9.9.9", "10.9.9.9"};
    for (int i = 0; i < 10'000; ++i) {
      many.push_back("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    }
    network().set_answer("many.example", many);
    const auto found = co_await getaddrinfo("many.example", 80);
    EXPECT_EQ(found.size(), 64U);
    EXPECT_EQ(found.at(1).host(), "10.0.0.0");
  };
  run(main());
}

// Fault D1
TEST_F(name_service, nobody_is_asked_for_what_is_no_host_name) {
  auto main = [&]() -> Coro<> {
    for (const char* bad : {"a b", "a..b", "127.1", "0x7f000001", "[::1]"}) co_await ask(bad);
    co_await ask(std::string(300, 'a'));
    EXPECT_EQ(look_ups(), 0U);
  };
  run(main());
}

TEST_F(name_service, a_host_of_the_wrong_family_is_an_error_without_a_look_up) {
  auto main = [&]() -> Coro<> {
    ResolveOptions options;
    options.family = AF_INET6;
    auto found = co_await try_(getaddrinfo("127.0.0.1", 80, options));
    EXPECT_EQ(describe(found.exception()),
              "GaiError: getaddrinfo 127.0.0.1: Address family for hostname not supported");
    EXPECT_EQ(look_ups(), 0U);
  };
  run(main());
}

// --- the reverse --------------------------------------------------------------------------------

TEST_F(name_service, getnameinfo_names_an_address) {
  auto main = [&]() -> Coro<> {
    SocketAddress address;
    SocketAddress::parse("10.0.0.1", 443, address);
    const NameInfo name = co_await getnameinfo(address);
    EXPECT_EQ(name.host, "10.0.0.1") << "the simulated world has no names for addresses";
    EXPECT_EQ(name.service, "443");
    EXPECT_EQ((co_await loop().getnameinfo(address)).service, "443");
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
