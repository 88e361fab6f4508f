// Limits, queues, reuse, and what is left when requests are cancelled.
#include "http/connection_pool.hpp"

#include <random>

#include "asyncio/task/drive.hpp"
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class connection_pool : public SimulatedHttpTest {};

/// Answers each request after a moment, and counts how many it has at once.
struct SlowServer {
  Server server;
  std::shared_ptr<int> most;
  std::shared_ptr<std::vector<std::string>> order;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(server.port()) + path;
  }
};

Coro<SlowServer> slow_server(Delay delay) {
  auto now = std::make_shared<int>(0);
  auto most = std::make_shared<int>(0);
  auto order = std::make_shared<std::vector<std::string>>();
  Application app;
  app.add_get("/{tail:.*}", [=](Request& request) -> Coro<Response> {
    *most = std::max(*most, ++*now);
    order->push_back(request.match_info("tail"));
    co_await sleep(delay);
    --*now;
    co_return Response("slow");
  });
  Server server = co_await start_server(std::move(app), "127.0.0.1", 0);
  SlowServer slow{std::move(server), most, order};
  co_return slow;
}

TEST_F(connection_pool, no_more_requests_run_at_once_than_the_limit) {
  auto main = [&]() -> Coro<> {
    SlowServer server = co_await slow_server(1ms);
    Session session({.limit = 7});
    std::vector<Coro<std::string>> all;
    for (int i = 0; i < 50; ++i)
      all.push_back(fetch(session.get(server.url("/" + std::to_string(i)))));
    co_await gather(std::move(all));
    EXPECT_EQ(*server.most, 7);
    EXPECT_EQ(session.connections_idle(), 7U);
    co_await server.server.shutdown();
  };
  run(main());
}

TEST_F(connection_pool, requests_are_served_in_the_order_in_which_they_queued) {
  auto main = [&]() -> Coro<> {
    SlowServer server = co_await slow_server(10us);
    Session session({.limit = 1});
    std::vector<Coro<std::string>> all;
    std::vector<std::string> expected;
    for (int i = 0; i < 30; ++i) {
      expected.push_back(std::to_string(i));
      all.push_back(fetch(session.get(server.url("/" + expected.back()))));
    }
    co_await gather(std::move(all));
    EXPECT_EQ(*server.order, expected);
    co_await server.server.shutdown();
  };
  run(main());
}

TEST_F(connection_pool, a_busy_host_does_not_hold_up_another) {
  auto main = [&]() -> Coro<> {
    SlowServer slow = co_await slow_server(5ms);
    auto quick = co_await serve([](const Seen&) -> Reply { return {ok("quick")}; });
    Session session({.limit = 4, .limit_per_host = 2});
    std::vector<Task<std::string>> busy;
    for (int i = 0; i < 8; ++i) busy.push_back(create_task(fetch(session.get(slow.url()))));
    co_await sleep(0s);
    EXPECT_EQ(co_await fetch(session.get(quick->url())), "quick");
    EXPECT_FALSE(busy[7].done());
    co_await gather(std::move(busy));
    EXPECT_EQ(*slow.most, 2);
    co_await slow.server.shutdown();
  };
  run(main());
}

TEST_F(connection_pool, waiting_for_a_connection_is_not_counted_in_the_total) {
  auto main = [&]() -> Coro<> {
    SlowServer server = co_await slow_server(10ms);
    Session session({.limit = 1, .timeout = {.total = 60ms}});
    std::vector<Coro<std::string>> all;
    for (int i = 0; i < 12; ++i) all.push_back(fetch(session.get(server.url())));
    co_await gather(std::move(all));  // 120 ms in all
    co_await server.server.shutdown();
  };
  run(main());
}

TEST_F(connection_pool, cancelling_a_queued_request_lets_the_others_pass) {
  auto main = [&]() -> Coro<> {
    SlowServer server = co_await slow_server(1ms);
    Session session({.limit = 1});
    std::vector<Task<std::string>> all;
    for (int i = 0; i < 10; ++i) all.push_back(create_task(fetch(session.get(server.url()))));
    co_await sleep(0s);
    for (std::size_t i = 1; i < 10; i += 2) all[i].cancel();
    auto outcome = co_await wait(all);
    int cancelled = 0;
    for (const auto& task : outcome.done) cancelled += task.cancelled() ? 1 : 0;
    EXPECT_EQ(cancelled, 5);
    EXPECT_EQ(session.connections_in_use(), 0U);
    co_await server.server.shutdown();
  };
  run(main());
}

// Where the server stands still is where the request is cancelled.
TEST_F(connection_pool, a_request_cancelled_at_any_point_frees_its_slot) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.find(" /head ") != std::string::npos)
        return {"HTTP/1.1 200 OK\r\nContent-", Then::hang};
      if (seen.head.starts_with("GET /body")) {
        return {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::hang};
      }
      return {ok("next")};
    });
    Session session({.limit = 1});
    const std::string large(4'000'000, 'x');
    for (const std::string path : {"/head", "/body", "/upload"}) {
      for (int turns = 0; turns < 30; ++turns) {
        auto request = session.get(server->url(path));
        if (path == "/upload") request = session.post(server->url("/head")).data(large);
        auto task = create_task(fetch(std::move(request)));
        auto next = create_task(fetch(session.get(server->url("/next"))));
        for (int i = 0; i < turns; ++i) co_await sleep(0s);
        task.cancel();
        EXPECT_EQ(co_await failure_of(std::move(task)), "CancelledError");
        EXPECT_EQ(co_await next, "next");
        EXPECT_EQ(session.connections_in_use(), 0U);
      }
    }
  };
  run(main());
}

TEST_F(connection_pool, ten_thousand_random_cancellations_leave_nothing_in_use) {
  auto main = [&]() -> Coro<> {
    const std::string page(13'000, 'p');
    auto server = co_await serve([&](const Seen&) -> Reply { return {ok(page)}; });
    Session session({.limit = 10});
    std::mt19937 random(7);  // the same sequence every time
    std::size_t finished = 0;
    for (int round = 0; round < 100; ++round) {
      std::vector<Task<std::string>> tasks;
      for (int i = 0; i < 100; ++i) tasks.push_back(create_task(fetch(session.get(server->url()))));
      std::shuffle(tasks.begin(), tasks.end(), random);
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        tasks[i].cancel();
        if (random() % 4 == 0) co_await sleep(0s);
      }
      auto outcome = co_await wait(std::move(tasks));
      for (const auto& task : outcome.done) finished += task.cancelled() ? 0 : 1;
    }
    EXPECT_EQ(session.connections_in_use(), 0U);
    EXPECT_LE(session.connections_idle(), 10U);
    EXPECT_EQ(co_await fetch(session.get(server->url())), page);
    RecordProperty("finished", static_cast<int>(finished));
  };
  run(main());
}

TEST_F(connection_pool, a_connection_that_the_server_closed_while_idle_is_dropped_at_once) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("x"), Then::close}; });
    Session session;
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(co_await fetch(session.post(server->url()).data("not to be sent twice")), "x");
      const bool gone = co_await until([&] { return session.connections_idle() == 0; });
      EXPECT_TRUE(gone);
    }
    EXPECT_EQ(server->connections, 5);
    EXPECT_EQ(server->seen.size(), 5U);
  };
  run(main());
}

// The server takes the second request on a connection, and closes it without an answer.
TEST_F(connection_pool, a_stale_connection_is_replayed_once_for_get_and_never_for_post) {
  auto main = [&]() -> Coro<> {
    bool always = false;
    auto server = co_await serve([&](const Seen& seen) -> Reply {
      if (seen.request > 0 || always) return {"", Then::reset};
      return {ok("fresh")};
    });
    Session session;
    EXPECT_EQ(co_await fetch(session.get(server->url())), "fresh");
    EXPECT_EQ(co_await fetch(session.get(server->url())), "fresh");
    EXPECT_EQ(server->seen.size(), 3U);
    EXPECT_EQ(server->connections, 2);
    const std::string failure = co_await failure_of(fetch(session.post(server->url()).data("x")));
    EXPECT_THAT(failure, StartsWith("ClientOSError: POST " + server->url() + ": recv 127.0.0.1:"));
    EXPECT_EQ(server->seen.size(), 4U);
    EXPECT_EQ(co_await fetch(session.get(server->url())), "fresh");
    always = true;
    EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()))),
                StartsWith("ClientOSError"));
    EXPECT_EQ(server->seen.size(), 7U);  // stale, and once more
    EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()))),
                StartsWith("ClientOSError"));
    EXPECT_EQ(server->seen.size(), 8U);  // a fresh connection is not replayed
  };
  run(main());
}

TEST_F(connection_pool, a_second_answer_is_never_given_to_a_later_request) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.connection == 0) return {ok("first") + ok("nobody asked")};
      return {ok("second"), Then::keep};
    });
    Session session;
    EXPECT_EQ(co_await fetch(session.get(server->url())), "first");
    EXPECT_EQ(session.connections_idle(), 0U);
    EXPECT_EQ(co_await fetch(session.get(server->url())), "second");
    EXPECT_EQ(server->connections, 2);
  };
  run(main());
}

TEST_F(connection_pool, an_answer_that_comes_while_idle_costs_the_connection) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      auto message = co_await read_message(reader);
      writer.write(ok("asked"));
      co_await sleep(2ms);
      writer.write(ok("not asked"));
      co_await reader.read();
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    Session session;
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(co_await fetch(session.get(url)), "asked");
      EXPECT_EQ(session.connections_idle(), 1U);
      const bool gone = co_await until([&] { return session.connections_idle() == 0; });
      EXPECT_TRUE(gone);
    }
  };
  run(main());
}

TEST_F(connection_pool, idle_connections_are_closed_when_their_time_is_over) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("x")}; });
    Session session({.keepalive_timeout = 5ms});
    co_await fetch(session.get(server->url()));
    EXPECT_EQ(session.connections_idle(), 1U);
    const bool gone = co_await until([&] { return session.connections_idle() == 0; });
    EXPECT_TRUE(gone);
    co_await fetch(session.get(server->url()));
    EXPECT_EQ(server->connections, 2);
  };
  run(main());
}

TEST_F(connection_pool, idle_connections_count_towards_the_limit) {
  auto main = [&]() -> Coro<> {
    std::vector<std::shared_ptr<ScriptedServer>> hosts;
    for (int i = 0; i < 8; ++i) {
      hosts.push_back(co_await serve([](const Seen&) -> Reply { return {ok("x")}; }));
    }
    Session session({.limit = 3});
    for (const auto& host : hosts) {
      co_await fetch(session.get(host->url()));
      EXPECT_LE(session.connections_idle(), 3U);
    }
    // The newest have stayed.
    co_await fetch(session.get(hosts[7]->url()));
    EXPECT_EQ(hosts[7]->connections, 1);
  };
  run(main());
}

TEST_F(connection_pool, hosts_that_are_not_used_any_more_are_forgotten) {
  auto main = [&]() -> Coro<> {
    auto pool = std::make_shared<ConnectionPool>(scheduler(), PoolLimits{2, 1, 1s});
    {
      Slot first = co_await pool->acquire("http://a");
      Slot second = co_await pool->acquire("http://b");
      auto third = create_task(
          [](auto from) -> Coro<> { Slot slot = co_await from->acquire("http://c"); }(pool));
      co_await sleep(0s);
      EXPECT_EQ(pool->waiting(), 1U);
      EXPECT_EQ(pool->hosts(), 3U);
      third.cancel();
      EXPECT_EQ(co_await failure_of(std::move(third)), "CancelledError");
      EXPECT_EQ(pool->waiting(), 0U);
      EXPECT_EQ(pool->hosts(), 2U);
    }
    EXPECT_EQ(pool->in_use(), 0U);
    EXPECT_EQ(pool->hosts(), 0U);
  };
  run(main());
}

Coro<> hold(std::shared_ptr<ConnectionPool> pool, std::string host,
            std::vector<std::string>& order) {
  Slot slot = co_await pool->acquire(host);
  order.push_back(host);
  co_await sleep(0s);
}

TEST_F(connection_pool, the_oldest_waiter_that_may_have_a_slot_gets_it) {
  auto main = [&]() -> Coro<> {
    auto pool = std::make_shared<ConnectionPool>(scheduler(), PoolLimits{2, 1, 1s});
    std::vector<std::string> order;
    std::vector<Coro<>> all;
    for (const char* host : {"a", "a", "b", "a", "c", "b"}) all.push_back(hold(pool, host, order));
    co_await gather(std::move(all));
    EXPECT_THAT(order, ElementsAre("a", "b", "a", "c", "a", "b"));
    EXPECT_EQ(pool->in_use(), 0U);
    EXPECT_EQ(pool->hosts(), 0U);
  };
  run(main());
}

// One after another: the first hundred hold all the slots when the next one asks.
TEST_F(connection_pool, three_hundred_responses_are_collected_before_the_first_body_is_read) {
  auto main = [&]() -> Coro<> {
    const std::string page(13'000, 'r');
    auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      for (;;) {
        const auto message = co_await read_message(reader);
        if (message.first.empty()) co_return;
        writer.write("HTTP/1.1 200 OK\r\nContent-Length: 13000\r\n\r\n");
        co_await sleep(0s);
        co_await sleep(0s);
        writer.write(page);
      }
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session({.limit = 100});
    std::vector<ClientResponse> responses;
    for (int i = 0; i < 150; ++i) responses.push_back(co_await session.get(url));
    std::vector<Coro<ClientResponse>> more;
    for (int i = 0; i < 150; ++i) more.push_back(session.get(url));
    for (ClientResponse& response : co_await gather(std::move(more))) {
      responses.push_back(std::move(response));
    }
    for (const ClientResponse& response : responses) EXPECT_EQ(co_await response.text(), page);
  };
  run(main());
}

TEST_F(connection_pool, a_stream_that_others_wait_for_is_still_given_piece_by_piece) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await read_message(reader);
      writer.write("HTTP/1.1 200 OK\r\n\r\n");
      for (int i = 0; i < 5; ++i) {
        co_await sleep(1ms);
        writer.write("event " + std::to_string(i) + "\n");
      }
      co_await reader.read();
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session({.limit = 1});
    auto stream = std::make_unique<ClientResponse>(co_await session.get(url));
    auto next = create_task(session.get(url));
    co_await sleep(0s);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(co_await stream->readany(), "event " + std::to_string(i) + "\n");
    }
    EXPECT_FALSE(next.done());
    stream.reset();
    const ClientResponse second = co_await std::move(next);
    EXPECT_EQ(second.status(), 200);
  };
  run(main());
}

TEST_F(connection_pool, a_response_that_is_dropped_while_it_is_read_ahead_gives_its_slot_back) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.connection > 0) return {ok("next")};
      return {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::hang};
    });
    Session session({.limit = 1});
    auto held = std::make_unique<ClientResponse>(co_await session.get(server->url()));
    auto next = create_task(fetch(session.get(server->url())));
    co_await sleep(1ms);
    EXPECT_FALSE(next.done());
    held.reset();
    EXPECT_EQ(co_await next, "next");
  };
  run(main());
}

TEST_F(connection_pool, what_a_read_ahead_failed_with_is_told_to_the_reader) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await read_message(reader);
      writer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
      co_await sleep(1ms);
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session({.limit = 1});
    const ClientResponse first = co_await session.get(url);
    const ClientResponse second = co_await session.get(url);
    EXPECT_THAT(co_await failure_of(first.read()), StartsWith("ClientPayloadError"));
    EXPECT_THAT(co_await failure_of(second.read()), StartsWith("ClientPayloadError"));
  };
  run(main());
}

TEST_F(connection_pool, a_look_up_for_many_requests_is_no_task_of_its_own) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("x")}; });
    const std::string url = "http://localhost:" + std::to_string(server->port()) + "/";
    Session session;
    std::vector<Coro<std::string>> all;
    for (int i = 0; i < 50; ++i) all.push_back(fetch(session.get(url)));
    const std::size_t before = all_tasks().size();
    auto together = gather(std::move(all));
    co_await sleep(0s);
    EXPECT_EQ(all_tasks().size(), before + 50);
    co_await together;
  };
  run(main());
}

TEST_F(connection_pool, a_look_up_that_fails_after_everybody_has_gone_is_not_reported) {
  auto main = [&]() -> Coro<> {
    auto session = std::make_unique<Session>();
    auto task = create_task(fetch(session->get("http://no-such-name.invalid/")));
    co_await sleep(0s);
    co_await sleep(0s);
    task.cancel();
    EXPECT_EQ(co_await failure_of(std::move(task)), "CancelledError");
    session.reset();
    const bool done = co_await until([] { return all_tasks().size() == 1; });
    EXPECT_TRUE(done);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
