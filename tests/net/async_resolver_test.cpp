// c-ares against a name server of the test's own, and the files it reads.
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "asyncio/net/resolver.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "net/name_source.hpp"
#include "support/dns_server.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::DnsQuery;
using test::DnsRecord;
using test::DnsReply;
using test::DnsServer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

DnsRecord a(std::string address, std::uint32_t ttl = 60, std::string owner = {}) {
  return {ns_t_a, std::move(address), ttl, std::move(owner)};
}
DnsRecord aaaa(std::string address) { return {ns_t_aaaa, std::move(address)}; }
DnsRecord cname(std::string name, std::uint32_t ttl = 60, std::string owner = {}) {
  return {ns_t_cname, std::move(name), ttl, std::move(owner)};
}
template <class... Records>
DnsReply says(Records... records) {
  DnsReply reply;
  (reply.records.push_back(std::move(records)), ...);
  return reply;
}
DnsReply fails(int code) {
  DnsReply reply;
  reply.code = code;
  return reply;
}

class async_resolver : public test::SocketTest {
 protected:
  async_resolver() : server(scheduler()) {
    if (detail::has_async_source()) run(server.start());
    char name[] = "/tmp/asyncio-names-XXXXXX";
    folder_ = ::mkdtemp(name);
    write("resolv.conf", "options ndots:1\n");
    write("hosts", "");
  }
  ~async_resolver() override { std::filesystem::remove_all(folder_); }
  void SetUp() override {
    if (!detail::has_async_source()) GTEST_SKIP() << "built without c-ares";
    servers_ = server.address();
    use();
  }
  void TearDown() override {
    server.stop();
    SocketTest::TearDown();
  }

  AsyncResolver resolver() {
    AsyncResolver out;
    out.nameservers = servers_;
    out.hosts_file = hosts_ = path("hosts");
    out.resolv_conf = resolv_conf_ = path("resolv.conf");
    return out;
  }
  void use() { loop().set_resolver(resolver()); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  // Its time may be that of the text before; its size is not.
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name)) << text << std::string(++writes_, '\n');
  }

  // "192.0.2.1:80 [2001:db8::1]:80", or what went wrong.
  Coro<std::string> ask(std::string host, int family = 0) {
    ResolveOptions options;
    options.family = family;
    auto found = co_await try_(getaddrinfo(host, 80, options));
    if (!found.ok()) co_return describe(found.exception());
    std::vector<std::string> all;
    for (const SocketAddress& address : found.value()) all.push_back(address.to_string());
    std::sort(all.begin(), all.end());  // their order is the host's routing
    std::string out;
    for (const std::string& address : all) out += (out.empty() ? "" : " ") + address;
    co_return out;
  }
  DnsServer server;
  std::string servers_;

 private:
  std::string folder_;
  std::string hosts_;
  std::string resolv_conf_;
  std::size_t writes_ = 0;
};

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// --- answers ------------------------------------------------------------------------------------

TEST_F(async_resolver, gives_the_addresses_of_both_families_and_needs_no_thread) {
  auto main = [&]() -> Coro<> {
    const std::size_t threads = threads_of_this_process();
    server.zone["shop.test"] = says(a("192.0.2.1"), aaaa("2001:db8::1"));
    EXPECT_EQ(co_await ask("Shop.TEST"), "192.0.2.1:80 [2001:db8::1]:80");
    EXPECT_EQ(co_await ask("shop.test", AF_INET), "192.0.2.1:80");
    EXPECT_EQ(co_await ask("shop.test", AF_INET6), "[2001:db8::1]:80");
    EXPECT_EQ(threads_of_this_process(), threads);
  };
  run(main());
}

TEST_F(async_resolver, one_family_is_enough) {
  auto main = [&]() -> Coro<> {
    server.zone["four.test"] = says(a("192.0.2.1"), a("192.0.2.2"));
    EXPECT_EQ(co_await ask("four.test"), "192.0.2.1:80 192.0.2.2:80");
    EXPECT_THAT(co_await ask("four.test", AF_INET6),
                StartsWith("GaiError: getaddrinfo four.test: No address associated with hostname"));
  };
  run(main());
}

TEST_F(async_resolver, an_alias_is_followed) {
  auto main = [&]() -> Coro<> {
    server.zone["www.test"] =
        says(cname("a.test"), cname("b.test", 60, "a.test"), a("192.0.2.7", 60, "b.test"));
    EXPECT_EQ(co_await ask("www.test", AF_INET), "192.0.2.7:80");
  };
  run(main());
}

// Fault D6: a great many addresses, and the same ones again.
TEST_F(async_resolver, what_is_too_long_for_a_datagram_comes_over_tcp_and_is_capped) {
  auto main = [&]() -> Coro<> {
    DnsReply& reply = server.zone["many.test"];
    reply.truncated = true;
    for (int i = 0; i < 2000; ++i) {
      reply.records.push_back(
          a("10.0." + std::to_string(i / 250 % 4) + "." + std::to_string(i % 250)));
    }
    ResolveOptions options;
    options.family = AF_INET;
    EXPECT_EQ((co_await getaddrinfo("many.test", 80, options)).size(), 64U);
    EXPECT_EQ(server.queries.size(), 2U);
    EXPECT_TRUE(server.queries.at(1).tcp);
  };
  run(main());
}

// Fault D8: every kind of failure says which it is.
TEST_F(async_resolver, a_host_that_is_not_there_and_a_server_that_cannot_tell_are_two_errors) {
  auto main = [&]() -> Coro<> {
    server.zone["broken.test"] = fails(ns_r_servfail);
    server.zone["refused.test"] = fails(ns_r_refused);
    auto unknown = co_await try_(getaddrinfo("nosuch.test", 80));
    const auto* gai = base::exception_cast<GaiError>(unknown.exception());
    EXPECT_TRUE(gai != nullptr && gai->error() == EAI_NONAME);
    EXPECT_EQ(
        describe(unknown.exception()),
        "GaiError: getaddrinfo nosuch.test: Name or service not known: there is no such host; "
        "check its spelling");
    EXPECT_THAT(co_await ask("broken.test"),
                HasSubstr("Temporary failure in name resolution: the name server could not find "
                          "out (SERVFAIL)"));
    EXPECT_THAT(co_await ask("refused.test"),
                HasSubstr("Non-recoverable failure in name resolution"));
  };
  run(main());
}

TEST_F(async_resolver, an_answer_to_another_question_is_no_answer) {
  server.script = [](const DnsQuery& query) {
    DnsReply forged;
    forged.records.push_back(a("203.0.113.66"));
    DnsReply honest;
    honest.records.push_back(a("192.0.2.1"));
    DnsQuery other = query;
    other.id ^= 1;
    DnsQuery renamed = query;
    renamed.name = "other.test";
    return std::vector<std::string>{DnsServer::encode(other, forged), "", "x",
                                    DnsServer::encode(renamed, forged),
                                    DnsServer::encode(query, honest)};
  };
  EXPECT_EQ(run(ask("shop.test", AF_INET)), "192.0.2.1:80");
}

TEST_F(async_resolver, a_question_that_is_lost_is_asked_again) {
  AsyncResolver quick = resolver();
  quick.timeout = 10ms;
  loop().set_resolver(quick);
  server.script = [this](const DnsQuery& query) -> std::vector<std::string> {
    if (server.asked(query.name) == 1) return {};
    return {DnsServer::encode(query, says(a("192.0.2.1")))};
  };
  EXPECT_EQ(run(ask("shop.test", AF_INET)), "192.0.2.1:80");
  EXPECT_EQ(server.queries.size(), 2U);
}

// Fault D8
TEST_F(async_resolver, silence_ends_in_no_resolver_that_names_the_server) {
  AsyncResolver quick = resolver();
  quick.timeout = 5ms;
  quick.tries = 2;
  loop().set_resolver(quick);
  server.script = [](const DnsQuery&) { return std::vector<std::string>(); };
  auto answer = [&]() -> Coro<> {
    auto found = co_await try_(getaddrinfo("shop.test", 80));
    const auto* gai = base::exception_cast<GaiError>(found.exception());
    EXPECT_TRUE(gai != nullptr && gai->error() == EAI_AGAIN);
    EXPECT_THAT(describe(found.exception()), HasSubstr("no resolver: no answer from " + servers_));
  };
  run(answer());
  EXPECT_EQ(server.queries.size(), 4U) << "two questions, twice";
}

TEST_F(async_resolver, a_server_that_is_not_there_is_no_resolver) {
  server.stop();
  EXPECT_THAT(run(ask("shop.test")), HasSubstr("no resolver: nothing answers at " + servers_));
}

TEST_F(async_resolver, the_next_server_is_asked_when_one_is_not_there) {
  servers_ = "127.0.0.1:1, " + server.address();
  use();
  server.zone["shop.test"] = says(a("192.0.2.1"));
  EXPECT_EQ(run(ask("shop.test", AF_INET)), "192.0.2.1:80");
}

// --- files --------------------------------------------------------------------------------------

TEST_F(async_resolver, the_hosts_file_comes_first_and_a_change_of_it_counts_at_once) {
  auto main = [&]() -> Coro<> {
    server.zone["shop.test"] = says(a("192.0.2.1"));
    write("hosts",
          "192.0.2.9 other.test Shop.test # ours\n2001:db8::9 shop.test\nnonsense shop.test\n");
    EXPECT_EQ(co_await ask("shop.test"), "192.0.2.9:80 [2001:db8::9]:80");
    EXPECT_EQ(co_await ask("shop.test", AF_INET6), "[2001:db8::9]:80");
    EXPECT_TRUE(server.queries.empty());
    write("hosts", "192.0.2.10 shop.test\n");
    EXPECT_EQ(co_await ask("shop.test"), "192.0.2.10:80");
    write("hosts", "");
    EXPECT_EQ(co_await ask("shop.test", AF_INET), "192.0.2.1:80");
  };
  run(main());
}

TEST_F(async_resolver, localhost_is_nobody_elses_to_answer) {
  auto main = [&]() -> Coro<> {
    for (const char* host : {"localhost", "LocalHost.", "app.localhost"}) {
      EXPECT_EQ(co_await ask(host), "127.0.0.1:80 [::1]:80") << host;
    }
    EXPECT_EQ(co_await ask("localhost", AF_INET), "127.0.0.1:80");
    EXPECT_TRUE(server.queries.empty());
  };
  run(main());
}

TEST_F(async_resolver, short_names_are_searched_as_resolv_conf_says) {
  auto main = [&]() -> Coro<> {
    write("resolv.conf", "search one.test two.test\noptions ndots:2\n");
    server.zone["db.two.test"] = says(a("192.0.2.2"));
    server.zone["db.eu"] = says(a("192.0.2.3"));
    EXPECT_EQ(co_await ask("db", AF_INET), "192.0.2.2:80");
    EXPECT_EQ(co_await ask("db.eu", AF_INET), "192.0.2.3:80");
    std::string names;
    for (const DnsQuery& query : server.queries) names += query.name + " ";
    EXPECT_EQ(names, "db.one.test db.two.test db.eu.one.test db.eu.two.test db.eu ");
    EXPECT_THAT(co_await ask("db."), HasSubstr("Name or service not known"));
    EXPECT_EQ(server.queries.back().name, "db") << "a final dot: no search";
  };
  run(main());
}

TEST_F(async_resolver, a_change_of_resolv_conf_is_picked_up) {
  auto main = [&]() -> Coro<> {
    server.zone["db.two.test"] = says(a("192.0.2.2"));
    AsyncResolver forgetful = resolver();
    forgetful.cache.max_entries = 0;
    loop().set_resolver(forgetful);
    EXPECT_THAT(co_await ask("db"), HasSubstr("Name or service not known"));
    write("resolv.conf", "search two.test\n");
    EXPECT_EQ(co_await ask("db", AF_INET), "192.0.2.2:80");
  };
  run(main());
}

// Fault D8
TEST_F(async_resolver, a_resolv_conf_that_cannot_be_read_is_no_resolver) {
  auto main = [&]() -> Coro<> {
    std::filesystem::remove(path("resolv.conf"));
    std::filesystem::create_directory(path("resolv.conf"));
    servers_.clear();
    use();
    EXPECT_THAT(co_await ask("shop.test"), HasSubstr("no resolver: " + path("resolv.conf") +
                                                     " cannot be read: Is a directory"));
    EXPECT_EQ(co_await ask("localhost", AF_INET), "127.0.0.1:80");
  };
  run(main());
}

// Fault D8
TEST_F(async_resolver, a_hosts_file_that_cannot_be_read_is_told_and_the_servers_are_asked) {
  std::filesystem::remove(path("hosts"));
  std::filesystem::create_directory(path("hosts"));
  server.zone["shop.test"] = says(a("192.0.2.1"));
  EXPECT_EQ(run(ask("shop.test", AF_INET)), "192.0.2.1:80");
  EXPECT_THAT(take_logs().at(0), HasSubstr("hosts cannot be read (Is a directory)"));
}

// Fault L9
TEST_F(async_resolver, files_that_no_descriptor_was_left_for_are_read_when_there_is_one_again) {
#if ASYNCIO_ADDRESS_SANITIZER
  GTEST_SKIP() << "the sanitizer needs descriptors itself";
#endif
  write("hosts", "192.0.2.7 printer.test\n");
  write("resolv.conf", "nameserver 127.0.0.1\n");
  servers_.clear();
  auto main = [&]() -> Coro<> {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);  // the lowest free number
    ::close(next);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
    use();
    const std::string first = co_await ask("printer.test");
    const std::string second = co_await ask("printer.test");
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_THAT(first, HasSubstr("resolv.conf cannot be read: Too many open files"));
    EXPECT_THAT(second, HasSubstr("resolv.conf cannot be read: Too many open files"));
    EXPECT_EQ(co_await ask("printer.test"), "192.0.2.7:80");
    EXPECT_THAT(co_await ask("shop.test"), ::testing::Not(HasSubstr("cannot be read")));
  };
  run(main());
  const std::vector<std::string> told = take_logs();
  ASSERT_EQ(told.size(), 1U) << "the same thing is told once";
  EXPECT_THAT(told[0], HasSubstr("hosts cannot be read (Too many open files)"));
}

// --- memory -------------------------------------------------------------------------------------

// Fault D9
TEST_F(async_resolver, an_answer_is_kept_as_long_as_it_says) {
  auto main = [&]() -> Coro<> {
    server.zone["minute.test"] = says(a("192.0.2.1"));
    server.zone["never.test"] = says(a("192.0.2.1", 0));
    server.zone["alias.test"] = says(cname("a.test", 0), a("192.0.2.7", 60, "a.test"));
    for (int i = 0; i < 3; ++i) {
      for (const char* host : {"minute.test", "never.test", "alias.test", "nosuch.test"}) {
        co_await ask(host, AF_INET);
      }
    }
    EXPECT_EQ(server.asked("minute.test"), 1U);
    EXPECT_EQ(server.asked("never.test"), 3U);
    EXPECT_EQ(server.asked("alias.test"), 3U) << "the least of all that led there";
    EXPECT_EQ(server.asked("nosuch.test"), 1U) << "that there is none is remembered too";
    loop().clear_dns_cache();
    co_await ask("minute.test", AF_INET);
    EXPECT_EQ(server.asked("minute.test"), 2U);
  };
  run(main());
}

// RFC 2308, 5
// Fault D9
TEST_F(async_resolver, that_there_is_none_is_kept_as_long_as_the_zone_says) {
  const auto nothing = [](int code, std::uint32_t ttl, std::uint32_t minimum) {
    DnsReply reply = fails(code);
    reply.authority = test::DnsZoneRecord{ttl, minimum};
    return reply;
  };
  const auto ask_thrice = [this](std::string host) -> Coro<std::size_t> {
    const std::size_t before = server.asked(host);
    for (int i = 0; i < 3; ++i) co_await ask(host, AF_INET);
    co_return server.asked(host) - before;
  };
  auto main = [&]() -> Coro<> {
    server.zone["minute.test"] = nothing(ns_r_nxdomain, 60, 60);
    server.zone["record.test"] = nothing(ns_r_nxdomain, 0, 60);
    server.zone["minimum.test"] = nothing(ns_r_nxdomain, 60, 0);
    server.zone["v6.test"] = nothing(ns_r_noerror, 60, 0);  // the name is there
    server.zone["huge.test"] = nothing(ns_r_nxdomain, 60, 0x8000'0000U);
    EXPECT_EQ(co_await ask_thrice("minute.test"), 1U);
    EXPECT_EQ(co_await ask_thrice("record.test"), 3U) << "the smaller of the two";
    EXPECT_EQ(co_await ask_thrice("minimum.test"), 3U);
    EXPECT_EQ(co_await ask_thrice("v6.test"), 3U);
    EXPECT_EQ(co_await ask_thrice("huge.test"), 1U) << "the record's own 60 s";
    AsyncResolver none = resolver();
    none.cache.max_negative_ttl = Delay();
    loop().set_resolver(none);
    EXPECT_EQ(co_await ask_thrice("minute.test"), 3U) << "the program's word is the last";
  };
  run(main());
}

TEST_F(async_resolver, a_search_that_found_nothing_is_kept_as_long_as_the_least_of_its_answers) {
  auto main = [&]() -> Coro<> {
    write("resolv.conf", "search a.test b.test\noptions ndots:1\n");
    use();
    for (const char* name : {"shop", "shop.a.test", "shop.b.test"}) {
      server.zone[name] = fails(ns_r_nxdomain);
      server.zone[name].authority = test::DnsZoneRecord{60, 60};
    }
    server.zone["shop.a.test"].authority->minimum = 0;
    for (int i = 0; i < 3; ++i) co_await ask("shop", AF_INET);
    EXPECT_EQ(server.asked("shop.b.test"), 3U);
  };
  run(main());
}

// A name server may say anything.
TEST_F(async_resolver, a_zone_record_that_is_cut_off_is_none) {
  auto main = [&]() -> Coro<> {
    std::size_t cut = 0;
    server.script = [&](const DnsQuery& query) -> std::vector<std::string> {
      DnsReply reply = fails(ns_r_nxdomain);
      reply.authority = test::DnsZoneRecord{0, 0};
      std::string message = DnsServer::encode(query, reply);
      message.resize(message.size() - cut);
      return {std::move(message)};
    };
    for (cut = 1; cut < 50; ++cut) {
      const std::string host = "cut" + std::to_string(cut) + ".test";
      for (int i = 0; i < 2; ++i) co_await ask(host, AF_INET);
      EXPECT_EQ(server.asked(host), 1U) << cut << " bytes";
    }
  };
  run(main());
}

TEST_F(async_resolver, a_thousand_names_at_once_are_all_answered) {
  auto main = [&]() -> Coro<> {
    std::vector<Coro<std::string>> all;
    for (int i = 0; i < 1000; ++i) {
      const std::string host = "host" + std::to_string(i) + ".test";
      server.zone[host] =
          says(a("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
      all.push_back(ask(host));
    }
    const auto answers = co_await gather(std::move(all));
    EXPECT_EQ(answers.at(999), "10.1.3.249:80");
    EXPECT_EQ(server.queries.size(), 2000U);
  };
  run(main());
}

// --- leaving ------------------------------------------------------------------------------------

// Fault D4
TEST_F(async_resolver, the_last_one_to_leave_closes_its_sockets_at_once) {
  auto main = [&]() -> Coro<> {
    server.script = [](const DnsQuery&) { return std::vector<std::string>(); };
    const int before = test::open_descriptors();
    auto one = create_task(getaddrinfo("shop.test", 80));
    auto two = create_task(getaddrinfo("shop.test", 81));
    while (server.queries.size() < 2) co_await sleep(0s);
    EXPECT_GT(test::open_descriptors(), before);
    one.cancel();
    co_await sleep(0s);
    EXPECT_TRUE(one.cancelled());
    EXPECT_GT(test::open_descriptors(), before) << "the other one still wants to know";
    two.cancel();
    co_await sleep(0s);
    EXPECT_TRUE(two.cancelled());
    EXPECT_EQ(test::open_descriptors(), before);
    EXPECT_EQ(server.queries.size(), 2U) << "one question for both, in each family";
  };
  run(main());
}

TEST_F(async_resolver, one_that_leaves_does_not_end_the_questions_of_others) {
  auto main = [&]() -> Coro<> {
    server.zone["shop.test"] = says(a("192.0.2.1"));
    auto leaving = create_task(getaddrinfo("gone.test", 80));
    auto staying = create_task(ask("shop.test", AF_INET));
    co_await sleep(0s);
    leaving.cancel();
    EXPECT_EQ(co_await staying, "192.0.2.1:80");
    EXPECT_TRUE(leaving.cancelled());
  };
  run(main());
}

// Fault D4
TEST_F(async_resolver, a_loop_may_close_while_questions_are_under_way) {
  server.script = [](const DnsQuery&) { return std::vector<std::string>(); };
  const auto pending = loop().create_task(ask("shop.test"));
  while (server.queries.empty()) turn();
  loop().close();
  EXPECT_EQ(take_logs().size(), 1U) << "the task that was pending";
}

TEST_F(async_resolver, who_was_asked_before_answers_those_who_asked_it) {
  auto main = [&]() -> Coro<> {
    server.zone["shop.test"] = says(a("192.0.2.1"));
    auto early = create_task(ask("shop.test", AF_INET));
    co_await sleep(0s);
    write("hosts", "192.0.2.9 shop.test\n");
    use();
    EXPECT_EQ(co_await ask("shop.test", AF_INET), "192.0.2.9:80");
    EXPECT_EQ(co_await early, "192.0.2.1:80");
  };
  run(main());
}

// --- choosing -----------------------------------------------------------------------------------

TEST_F(async_resolver, name_servers_that_are_no_addresses_are_refused) {
  for (const char* bad :
       {"dns.test", "127.0.0.1:0", "127.0.0.1:99999", "1.2.3.4,,", "[::1", "fe80::1%lo"}) {
    AsyncResolver resolver;
    resolver.nameservers = bad;
    EXPECT_THAT(test::thrown_by([&] { loop().set_resolver(resolver); }),
                StartsWith("ValueError: nameservers: not an address"))
        << bad;
  }
}

// It cannot reach a server whose address is good on one interface only.
TEST_F(async_resolver, where_c_ares_does_not_work_threads_take_over_and_it_is_said_once) {
  write("resolv.conf", "nameserver fe80::1%lo\n");
  servers_.clear();
  use();
  const auto logs = take_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0], StartsWith("c-ares does not work here ("));
  EXPECT_THAT(logs[0], HasSubstr("names are looked up on threads"));
  EXPECT_EQ(run(ask("localhost", AF_INET)), "127.0.0.1:80");
  use();
  EXPECT_TRUE(take_logs().empty());
  write("resolv.conf", "nameserver fe80::1%lo\nnameserver 127.0.0.1\n");
  use();
  EXPECT_TRUE(take_logs().empty());
}

TEST_F(async_resolver, the_environment_chooses) {
  auto outcome = [](const char* wanted) {
    ::setenv("ASYNCIO_RESOLVER", wanted, 1);
    EventLoop loop;
    auto main = []() -> Coro<> { co_await getaddrinfo("localhost", 1); };
    return test::thrown_by([&] { loop.run_until_complete(main()); });
  };
  EXPECT_EQ(outcome("threads"), "nothing");
  EXPECT_EQ(outcome("cares"), "nothing");
  EXPECT_EQ(outcome("oracle"),
            "RuntimeError: ASYNCIO_RESOLVER=oracle: no such resolver; there is: cares, threads");
  ::unsetenv("ASYNCIO_RESOLVER");
}

}  // namespace
}  // namespace asyncio
