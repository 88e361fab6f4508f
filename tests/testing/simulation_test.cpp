// The simulated world itself: time, chance, faults, reports, and that a seed is enough.
#include "asyncio/testing/simulation.hpp"

#include <gmock/gmock.h>
#include <netdb.h>

#include <cstdlib>

#include "asyncio/http/client_session.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "support/descriptors.hpp"
#include "support/loop_test.hpp"

namespace asyncio::testing {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::Trace;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class simulation : public test::QuietTest {
 protected:
  void TearDown() override {
    EXPECT_EQ(test::open_descriptors(), before_) << "descriptors leaked";
    QuietTest::TearDown();
  }

 private:
  int before_ = test::open_descriptors();
};

Coro<> echo(StreamReader reader, StreamWriter writer) {
  for (;;) {
    std::string part = co_await reader.read(1000);
    if (part.empty()) break;
    writer.write(part);
    co_await writer.drain();
  }
}

Coro<std::string> ask(std::string host, int port, std::string question) {
  auto [reader, writer] = co_await open_connection(host, port);
  writer.write(question);
  writer.write_eof();
  std::string answer = co_await reader.read();
  writer.close();
  co_await writer.wait_closed();
  co_return answer;
}

template <class A>
Coro<std::string> failure_of(A awaitable) {
  auto result = co_await try_(std::move(awaitable));
  co_return result.ok() ? std::string("nothing") : describe(result.exception());
}

TEST_F(simulation, an_hour_takes_no_time_and_its_clock_is_exact) {
  Simulation sim;
  auto main = [&]() -> Coro<Nanoseconds> {
    const Nanoseconds before = sim.scheduler().time();
    co_await gather(sleep(1h), sleep(30min));
    co_return sim.scheduler().time() - before;
  };
  EXPECT_EQ(sim.run(main()), 1h);
  EXPECT_EQ(sim.elapsed(), 1h);
}

TEST_F(simulation, clocks_start_where_the_seed_says_and_the_wall_clock_can_be_set) {
  Simulation one({.seed = 1});
  Simulation two({.seed = 2});
  EXPECT_NE(one.backend().now(), two.backend().now());
  EXPECT_GE(one.backend().now(), 1h);
  const std::int64_t wall = one.backend().wall_clock_seconds();
  one.run(sleep(60s));
  EXPECT_EQ(one.backend().wall_clock_seconds(), wall + 60);
  one.backend().step_wall_clock(-3600);
  EXPECT_EQ(one.backend().wall_clock_seconds(), wall + 60 - 3600);
  EXPECT_EQ(one.elapsed(), 60s);
}

// Fault L11
TEST_F(simulation, a_wall_clock_that_jumps_by_years_moves_no_timer) {
  constexpr std::int64_t kTenYears = 10LL * 365 * 24 * 3600;
  Simulation sim({.seed = 3});
  const auto main = [](Simulation& of) -> Coro<std::vector<Nanoseconds>> {
    std::vector<Nanoseconds> woken;
    for (const std::int64_t step : {kTenYears, -2 * kTenYears, std::int64_t{0}}) {
      Task<> sleeper = create_task(sleep(60s));
      co_await sleep(1s);
      of.backend().step_wall_clock(step);
      co_await sleeper;
      woken.push_back(of.elapsed());
    }
    co_return woken;
  };
  EXPECT_EQ(sim.run(main(sim)), (std::vector<Nanoseconds>{60s, 120s, 180s}));
}

Coro<> wait_for_nothing() {
  Future<> never = get_running_loop().create_future<void>();
  co_await never;
}
Coro<> outer() { co_await wait_for_nothing(); }

TEST_F(simulation, a_deadlock_lists_the_tasks_and_where_they_wait) {
  Simulation sim({.seed = 7});
  auto main = [&]() -> Coro<> {
    auto task = create_task(outer(), {.name = "the culprit"});
    co_await task;
  };
  std::string text;
  try {
    sim.run(main());
  } catch (const Deadlock& deadlock) {
    text = deadlock.what();
  }
  EXPECT_THAT(text, HasSubstr("nothing can ever run again"));
  EXPECT_THAT(text, AllOf(HasSubstr("the culprit waits in "), HasSubstr("wait_for_nothing at "),
                          HasSubstr("simulation_test.cpp:")));
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("replay with ASYNCIO_SEED=7")));
}

TEST_F(simulation, tasks_that_wake_each_other_without_end_are_a_livelock) {
  Simulation sim({.turn_limit = 1000});
  auto main = []() -> Coro<> {
    for (;;) co_await sleep(0s);
  };
  EXPECT_THROW(sim.run(main()), Livelock);
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("replay with")));
}

TEST_F(simulation, the_seed_comes_from_the_environment_when_asked) {
  ::unsetenv("ASYNCIO_SEED");
  EXPECT_EQ(seed_from_environment(5), 5U);
  ::setenv("ASYNCIO_SEED", "0x10", 1);
  EXPECT_EQ(seed_from_environment(5), 16U);
  ::unsetenv("ASYNCIO_SEED");
}

// --- the same seed, the same run
// ------------------------------------------------------------------

Coro<std::string> busy_world() {
  Server server = co_await start_server(echo, "127.0.0.1", 0);
  std::vector<Coro<std::string>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(ask("localhost", server.sockets().at(0).port(),
                          std::string(static_cast<std::size_t>(100 + i * 777), 'a')));
  }
  std::string order;
  auto job = [](int i) { return i; };
  auto jobs = co_await gather(to_thread(job, 1), to_thread(job, 2), gather(std::move(clients)));
  for (const std::string& answer : std::get<2>(jobs)) order += std::to_string(answer.size()) + " ";
  server.close();
  co_await server.wait_closed();
  co_return order;
}

std::uint64_t hash_of(std::uint64_t seed, std::string* text = nullptr) {
  Simulation sim({.seed = seed, .hostile = true, .keep_events = text != nullptr});
  sim.network().set_segmentation(Segmentation::random);
  sim.network().set_short_calls(4);
  sim.network().set_default_link({.latency = 1ms, .jitter = 3ms});
  EXPECT_EQ(sim.run(busy_world()), "100 877 1654 2431 3208 3985 4762 5539 ");
  if (text != nullptr) *text = sim.backend().trace().text();
  return sim.trace_hash();
}

TEST_F(simulation, the_same_seed_gives_the_same_trace_and_others_give_others) {
  EXPECT_EQ(hash_of(1), hash_of(1));
  EXPECT_NE(hash_of(1), hash_of(2));
}

// The calls are made by hand, so that the number tells of the simulation alone: it is the same with
// both compilers, optimized or not.
TEST_F(simulation, the_trace_does_not_depend_on_the_compiler) {
  SimulatedBackend world({.seed = 42, .keep_events = true});
  world.network().set_segmentation(Segmentation::random);
  world.network().set_short_calls(3);
  world.network().set_default_link({.latency = 1ms, .jitter = 3ms});
  const int server = world.socket(2, 1, 0);
  SocketAddress address;
  SocketAddress::parse("127.0.0.1", 0, address);
  world.bind(server, address);
  world.listen(server, 5);
  world.local_address(server, address);
  Descriptor left;
  left.fd = world.socket(2, 1, 0);
  world.connect(left.fd, address);
  world.watch(left);
  int right = -1;
  std::byte buffer[300] = {};
  for (int i = 0; i < 50; ++i) {
    if (right < 0) right = world.accept(server, address);
    world.send(left.fd, std::span(buffer).first(100));
    if (right >= 0) world.recv(right, buffer);
    world.wait(world.now() + 1ms);
  }
  EXPECT_NE(world.random(), 0U);
  world.unwatch(left);
  for (const int fd : {server, left.fd, right}) world.close(fd);
  EXPECT_THAT(world.trace().text(), HasSubstr(" connected "));
  EXPECT_EQ(world.trace().hash(), 6907101702247083925U) << world.trace().text().substr(0, 2000);
}

TEST_F(simulation, chance_is_the_seeds) {
  SimulatedBackend a({.seed = 3});
  SimulatedBackend b({.seed = 3});
  SimulatedBackend c({.seed = 4});
  const std::uint64_t first = a.random();
  EXPECT_EQ(first, b.random());
  EXPECT_NE(first, c.random());
  EXPECT_NE(first, a.random());
}

TEST_F(simulation, equal_deadlines_are_kept_in_order_unless_it_is_hostile) {
  auto order = [](bool hostile, std::uint64_t seed) {
    Simulation sim({.seed = seed, .hostile = hostile});
    std::string text;
    auto main = [&]() -> Coro<> {
      const Nanoseconds when = sim.scheduler().time() + 1s;
      for (char c = 'a'; c < 'k'; ++c) {
        sim.scheduler().call_at(when, [&text, c] { text += c; });
      }
      co_await sleep(2s);
    };
    sim.run(main());
    return text;
  };
  EXPECT_EQ(order(false, 1), "abcdefghij");
  const std::string shuffled = order(true, 1);
  EXPECT_NE(shuffled, "abcdefghij");
  EXPECT_EQ(shuffled.size(), 10U);
  EXPECT_EQ(shuffled, order(true, 1));
  EXPECT_NE(shuffled, order(true, 2));
}

TEST_F(simulation, the_running_loop_can_be_had_as_ever) {
  Simulation sim;
  auto main = []() -> Coro<> {
    bool called = false;
    get_running_loop().call_soon([&] { called = true; });
    co_await sleep(0s);
    EXPECT_TRUE(called);
    EXPECT_EQ(&get_running_loop(), &get_event_loop());
  };
  sim.run(main());
}

// --- the network
// ----------------------------------------------------------------------------------

TEST_F(simulation, hosts_have_names_and_distances) {
  Simulation sim;
  sim.network().add_host("server", "10.0.0.2");
  sim.network().link("10.0.0.1", "10.0.0.2", {.latency = 100ms});
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "10.0.0.2", 80);
    const Nanoseconds before = sim.elapsed();
    EXPECT_EQ(co_await ask("server", 80, "x"), "x");
    // Look-up, then SYN and its answer, question, answer.
    EXPECT_GE(sim.elapsed() - before, 400ms);
    EXPECT_LT(sim.elapsed() - before, 700ms);
  };
  sim.run(main());
}

TEST_F(simulation, a_slow_link_takes_its_time) {
  Simulation sim;
  sim.network().set_default_link({.latency = 1ms, .bytes_per_second = 1'000'000});
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "127.0.0.1", 0);
    const std::string data(1'000'000, 'x');
    auto [reader, writer] = co_await open_connection("127.0.0.1", server.sockets().at(0).port());
    auto sent = create_task([](StreamWriter to, const std::string& what) -> Coro<> {
      to.write(what);
      co_await to.drain();
      to.write_eof();
    }(writer, data));
    const std::string back = co_await reader.read();
    EXPECT_EQ(back.size(), data.size());
    co_await sent;
    EXPECT_GE(sim.elapsed(), 1s);
    EXPECT_LT(sim.elapsed(), 3s);
    writer.close();
  };
  sim.run(main());
}

TEST_F(simulation, lost_syns_are_sent_again_and_end_after_two_minutes) {
  Simulation sim;
  sim.network().add_host("far", "10.0.0.9");
  sim.network().drop_connects("10.0.0.9");
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(co_await failure_of(open_connection("far", 80)),
              "TimeoutError: connect 10.0.0.9:80: connection timed out");
    EXPECT_GE(sim.elapsed(), 127s);
    EXPECT_LT(sim.elapsed(), 128s);
  };
  sim.run(main());
}

TEST_F(simulation, a_full_backlog_drops_and_the_next_try_comes_through) {
  Simulation sim;
  auto main = [&]() -> Coro<> {
    Scheduler& scheduler = sim.scheduler();
    Socket listener(scheduler);
    listener.open(2, 1);
    SocketAddress address;
    SocketAddress::parse("127.0.0.1", 0, address);
    listener.bind(address);
    listener.listen(1);
    address = listener.local_address();
    Socket a(scheduler);
    Socket b(scheduler);
    Socket c(scheduler);
    for (Socket* each : {&a, &b, &c}) each->open(2, 1);
    co_await a.connect(address);
    co_await b.connect(address);
    auto third = create_task(c.connect(address));
    co_await sleep(500ms);
    EXPECT_FALSE(third.done()) << "two stand in the queue";
    SocketAddress peer;
    const int fd = co_await listener.accept(&peer);
    sim.backend().close(fd);
    co_await third;
    EXPECT_GE(sim.elapsed(), 1s) << "the retransmission after a second";
  };
  sim.run(main());
}

TEST_F(simulation, a_partition_holds_data_until_it_heals_also_one_way) {
  Simulation sim;
  sim.network().add_host("server", "10.0.0.2");
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "10.0.0.2", 80);
    auto [reader, writer] = co_await open_connection("server", 80);
    sim.network().block("10.0.0.2", "10.0.0.1");
    writer.write("ping");
    EXPECT_EQ(co_await failure_of(wait_for(reader.readexactly(4), 10s)), "TimeoutError");
    sim.network().heal();
    EXPECT_EQ(co_await reader.readexactly(4), "ping");
    sim.network().partition("10.0.0.2", "10.0.0.1");
    EXPECT_EQ(co_await failure_of(wait_for(open_connection("server", 80), 10s)), "TimeoutError");
    sim.network().heal();
    writer.close();
    co_await writer.wait_closed();
  };
  sim.run(main());
}

TEST_F(simulation, an_unknown_network_local_ports_and_descriptors_run_out_as_they_do) {
  Simulation sim({.descriptor_limit = 6});
  sim.network().set_local_ports(3);
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(co_await failure_of(open_connection("203.0.113.5", 80)),
              "OSError: connect 203.0.113.5:80: network is unreachable");
    Scheduler& scheduler = sim.scheduler();
    Socket listener(scheduler);
    listener.open(2, 1);
    SocketAddress address;
    SocketAddress::parse("127.0.0.1", 80, address);
    listener.bind(address);
    listener.listen(10);
    Socket first(scheduler);
    Socket second(scheduler);
    Socket third(scheduler);
    for (Socket* client : {&first, &second, &third}) {
      client->open(2, 1);
      co_await client->connect(address);
    }
    Socket fourth(scheduler);
    EXPECT_EQ(fourth.open(2, 1), 0);
    EXPECT_THAT(co_await failure_of(fourth.connect(address)),
                HasSubstr("cannot assign requested address"));
    Socket fifth(scheduler);
    EXPECT_EQ(fifth.open(2, 1), 0);
    Socket sixth(scheduler);
    EXPECT_EQ(sixth.open(2, 1), -EMFILE);
    SocketAddress peer;
    EXPECT_EQ(listener.try_accept(peer), -EMFILE) << "and the connection stays in the queue";
    fifth.close();
    const int fd = co_await listener.accept(&peer);
    EXPECT_GE(fd, 0);
    sim.backend().close(fd);
  };
  sim.run(main());
}

TEST_F(simulation, a_connection_can_be_cut_at_any_byte) {
  auto outcome = [](Flow flow, std::uint64_t offset, Cut how) {
    Simulation sim;
    sim.network().cut(0, flow, offset, how);
    auto main = [&]() -> Coro<std::string> {
      Server server = co_await start_server(echo, "127.0.0.1", 0);
      auto [reader, writer] = co_await open_connection("127.0.0.1", server.sockets().at(0).port());
      writer.write("0123456789");
      std::string all;
      std::string end = "end";
      for (;;) {
        Result<std::string> part = co_await try_(wait_for(reader.read(100), 5s));
        if (!part.ok()) {
          end = describe(part.exception()).substr(0, 12);
          break;
        }
        if (part.value().empty()) break;
        all += part.value();
        if (all.size() == 10) writer.write_eof();
      }
      writer.close();
      co_return all + " " + end;
    };
    sim.scheduler().set_exception_handler([](Scheduler&, const ExceptionContext&) {});
    return sim.run(main());
  };
  EXPECT_EQ(outcome(Flow::to_client, 100, Cut::fin), "0123456789 end");
  EXPECT_EQ(outcome(Flow::to_client, 4, Cut::fin), "0123 end");
  EXPECT_EQ(outcome(Flow::to_client, 4, Cut::reset), "0123 ConnectionRe");
  EXPECT_EQ(outcome(Flow::to_client, 4, Cut::silence), "0123 TimeoutError");
  EXPECT_EQ(outcome(Flow::to_server, 10, Cut::silence), " TimeoutError");
  EXPECT_EQ(outcome(Flow::to_server, 0, Cut::reset), " ConnectionRe");
}

TEST_F(simulation, look_ups_take_time_fail_and_change_their_mind) {
  Simulation sim;
  sim.network().set_answer("shop", {"10.0.0.5"}, 2s);
  sim.network().set_answer("shop", {}, 1s, EAI_AGAIN);
  sim.network().set_answer("shop", {"10.0.0.6", "10.0.0.7"}, 1s);
  auto main = [&]() -> Coro<> {
    EXPECT_EQ((co_await getaddrinfo("shop", 80)).at(0).host(), "10.0.0.5");
    EXPECT_GE(sim.elapsed(), 2s);
    EXPECT_EQ((co_await getaddrinfo("shop", 80)).at(0).host(), "10.0.0.5") << "remembered";
    co_await sleep(10s);
    EXPECT_THAT(co_await failure_of(getaddrinfo("shop", 80)), StartsWith("GaiError"));
    EXPECT_EQ((co_await getaddrinfo("shop", 80)).size(), 2U);
    co_await sleep(10s);
    EXPECT_EQ((co_await getaddrinfo("shop", 80)).size(), 2U);
  };
  sim.run(main());
}

TEST_F(simulation, a_look_up_in_a_thread_in_earnest_is_refused) {
  Simulation sim;
  auto main = []() -> Coro<std::string> {
    get_running_loop().set_default_executor(std::make_shared<concurrent::ThreadPoolExecutor>());
    // The thread is no part of the simulated world, so that waits here, as a join would.
    auto look_up = create_task(failure_of(getaddrinfo("shop", 80)));
    while (!look_up.done()) co_await sleep(1ms);
    co_return look_up.result();
  };
  EXPECT_THAT(sim.run(main()), HasSubstr("looks names up in its loop's thread only"));
}

TEST_F(simulation, a_call_can_be_made_to_fail) {
  Simulation sim;
  sim.backend().fail_call(Operation::socket, 0, ENFILE);
  auto main = [&]() -> Coro<> {
    EXPECT_THAT(co_await failure_of(open_connection("127.0.0.1", 80)),
                HasSubstr("too many open files in system"));
    sim.backend().fail_call(Operation::submit, 0, EAGAIN);
    EXPECT_THAT(co_await failure_of(create_task(to_thread([] {}))), StartsWith("RuntimeError"));
  };
  sim.run(main());
}

TEST_F(simulation, jobs_that_were_not_run_are_handed_back_when_the_loop_closes) {
  Simulation sim;
  bool ran = false;
  auto main = [&]() -> Coro<> {
    auto job = create_task(to_thread([&ran] { ran = true; }));
    co_await sleep(0s);
    job.cancel();
  };
  sim.run(main());
  sim.close();
  EXPECT_FALSE(ran);
  EXPECT_EQ(sim.backend().jobs(), 0U);
}

// --- products
// -------------------------------------------------------------------------------------

TEST_F(simulation, an_http_exchange_survives_bytes_that_come_alone) {
  Simulation sim;
  sim.network().add_host("shop", "10.0.0.2");
  sim.network().set_segmentation(Segmentation::bytes);
  auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
    co_await reader.readuntil("\r\n\r\n");
    writer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    co_await writer.drain();
  };
  auto main = [&]() -> Coro<std::string> {
    Server server = co_await start_server(handler, "10.0.0.2", 80);
    http::ClientSession session;
    const http::ClientResponse response = co_await session.get("http://shop/");
    co_return co_await response.text();
  };
  EXPECT_EQ(sim.run(main()), "hello");
}

}  // namespace
}  // namespace asyncio::testing
