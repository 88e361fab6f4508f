// serve(): one worker in the simulated world, where the grace passes at once; several on the
// kernel, whose SO_REUSEPORT is the point.
#include "asyncio/http/serve.hpp"

#include <atomic>
#include <csignal>
#include <set>

#include "asyncio/sync/event.hpp"
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

std::string url_of(int port, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(port) + path;
}

// --- one worker
// -----------------------------------------------------------------------------------

class serve_ : public SimulatedHttpTest {
 protected:
  // Requests that wait until their handlers are cancelled.
  ApplicationFactory stuck() {
    return [this](std::size_t) {
      Application app;
      app.add_get("/stuck", [this](Request&) -> Coro<Response> {
        ++begun_;
        Event never;
        const Result<bool> waited = co_await try_(never.wait());
        if (!waited.ok()) ++cancelled_;
        co_await raise(waited.exception());
        co_return Response("never");
      });
      return app;
    };
  }
  ListeningCallback note_port() {
    return [this](const std::vector<SocketAddress>& sockets) {
      port_ = sockets.front().port();
      listening_.set();
    };
  }
  Task<> start(ServeOptions options) {
    return create_task(serve(stuck(), "127.0.0.1", 0, options, note_port()));
  }
  Nanoseconds now() { return loop().time(); }

  Event listening_;
  int port_ = 0;
  int begun_ = 0;
  int cancelled_ = 0;
};

TEST_F(serve_, returns_after_a_signal_once_the_grace_is_over) {
  auto main = [&]() -> Coro<> {
    ServeOptions options;
    options.shutdown_timeout = 7s;
    Task<> serving = start(options);
    co_await listening_.wait();
    auto request = create_task(talk(port_, "GET /stuck HTTP/1.1\r\nHost: h\r\n\r\n"));
    const bool begun = co_await until([&] { return begun_ == 1; });
    EXPECT_TRUE(begun);
    const Nanoseconds asked = now();
    backend().raise_signal(SIGTERM);
    co_await serving;
    EXPECT_EQ(cancelled_, 1);
    EXPECT_GE(now() - asked, Nanoseconds(7s));
    EXPECT_LT(now() - asked, Nanoseconds(8s));
    (void)co_await try_(request);
  };
  run(main());
}

TEST_F(serve_, a_second_signal_does_not_wait_for_the_requests) {
  auto main = [&]() -> Coro<> {
    Task<> serving = start({});
    co_await listening_.wait();
    auto request = create_task(talk(port_, "GET /stuck HTTP/1.1\r\nHost: h\r\n\r\n"));
    const bool begun = co_await until([&] { return begun_ == 1; });
    EXPECT_TRUE(begun);
    const Nanoseconds asked = now();
    backend().raise_signal(SIGINT);
    co_await sleep(1s);
    EXPECT_FALSE(serving.done());
    backend().raise_signal(SIGINT);
    co_await serving;
    EXPECT_EQ(cancelled_, 1);
    EXPECT_LT(now() - asked, Nanoseconds(2s));
    (void)co_await try_(request);
  };
  run(main());
}

TEST_F(serve_, cancelled_it_ends_in_order_with_CancelledError) {
  auto main = [&]() -> Coro<> {
    ServeOptions options;
    options.shutdown_timeout = 3s;
    Task<> serving = start(options);
    co_await listening_.wait();
    const int port = port_;
    serving.cancel();
    const Result<void> ended = co_await try_(serving);
    EXPECT_TRUE(base::exception_is<CancelledError>(ended.exception()));
    EXPECT_THAT(co_await failure_of(open_connection("127.0.0.1", port)),
                StartsWith("ConnectionRefusedError"));
  };
  run(main());
}

TEST_F(serve_, gives_the_signals_back) {
  auto main = [&]() -> Coro<> {
    Task<> serving = start({});
    co_await listening_.wait();
    backend().raise_signal(SIGTERM);
    co_await serving;
    EXPECT_THROW(backend().raise_signal(SIGTERM), std::logic_error);  // nobody catches it
  };
  run(main());
}

// As from `timeout`, which tells the process and then its group.
TEST_F(serve_, a_second_signal_in_any_turn_of_its_end_is_no_harm) {
  auto main = [&]() -> Coro<> {
    bool caught = true;
    for (int turns = 0; caught; ++turns) {
      listening_.clear();
      Task<> serving = start({});
      co_await listening_.wait();
      backend().raise_signal(SIGTERM);
      for (int i = 0; i < turns; ++i) co_await sleep(Delay());
      try {
        backend().raise_signal(SIGTERM);
      } catch (const std::logic_error&) {
        caught = false;  // nobody catches it any more
      }
      co_await serving;
    }
  };
  run(main());
}

TEST_F(serve_, leaves_signals_alone_when_told_to) {
  auto main = [&]() -> Coro<> {
    ServeOptions options;
    options.handle_signals = false;
    Task<> serving = start(options);
    co_await listening_.wait();
    EXPECT_THROW(backend().raise_signal(SIGTERM), std::logic_error);
    serving.cancel();
    (void)co_await try_(serving);
  };
  run(main());
}

// --- several
// --------------------------------------------------------------------------------------

class serve_workers : public HttpTest {
 protected:
  serve_workers() { let_blocks_migrate(); }

  static ApplicationFactory numbered() {
    return [](std::size_t worker) {
      Application app;
      app.add_get("/", [worker](Request&) -> Coro<Response> {
        co_return Response(std::to_string(worker));
      });
      return app;
    };
  }

  struct Listening {
    Event event;
    int port = 0;
    [[nodiscard]] ListeningCallback callback() {
      return [this](const std::vector<SocketAddress>& sockets) {
        port = sockets.front().port();
        event.set();
      };
    }
  };
};

TEST_F(serve_workers, share_the_port_and_all_answer) {
  auto main = [&]() -> Coro<> {
    Listening listening;
    ServeOptions options;
    options.workers = 3;
    Task<> serving = create_task(serve(numbered(), "127.0.0.1", 0, options, listening.callback()));
    co_await listening.event.wait();
    std::set<std::string> seen;
    // Each connection goes to one of the three by a hash of its ports: that 400 in turn never reach
    // one of them happens once in 10^70 runs.
    for (int i = 0; i < 400 && seen.size() < 3; ++i) {
      Session session;
      seen.insert(co_await fetch(session.get(url_of(listening.port, "/"))));
    }
    EXPECT_EQ(seen, (std::set<std::string>{"0", "1", "2"}));
    serving.cancel();
    const Result<void> ended = co_await try_(serving);
    EXPECT_TRUE(base::exception_is<CancelledError>(ended.exception()));
    EXPECT_THAT(co_await failure_of(open_connection("127.0.0.1", listening.port)),
                StartsWith("ConnectionRefusedError"));
  };
  run(main());
}

TEST_F(serve_workers, a_signal_lets_requests_under_way_finish) {
  auto main = [&]() -> Coro<> {
    std::atomic<int> begun{0};
    std::atomic<bool> go{false};
    const ApplicationFactory factory = [&](std::size_t) {
      Application app;
      app.add_get("/busy", [&](Request&) -> Coro<Response> {
        ++begun;
        while (!go) co_await sleep(Delay());
        co_return Response("finished");
      });
      return app;
    };
    Listening listening;
    ServeOptions options;
    options.workers = 2;
    Task<> serving = create_task(serve(factory, "127.0.0.1", 0, options, listening.callback()));
    co_await listening.event.wait();
    auto answer = create_task(
        talk(listening.port, "GET /busy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    while (begun == 0) co_await sleep(Delay());
    ::raise(SIGTERM);
    // It listens no more, and the request still runs.
    for (bool refused = false; !refused;) {
      const std::string failure = co_await failure_of(open_connection("127.0.0.1", listening.port));
      refused = failure.starts_with("ConnectionRefusedError");
    }
    EXPECT_FALSE(serving.done());
    go = true;
    EXPECT_THAT(co_await answer, HasSubstr("finished"));
    co_await serving;
  };
  run(main());
}

TEST_F(serve_workers, a_port_that_is_taken_is_an_error_and_nothing_serves) {
  auto main = [&]() -> Coro<> {
    const auto nobody = [](StreamReader, StreamWriter) {};
    const asyncio::Server taken = co_await asyncio::start_server(nobody, "127.0.0.1", 0);
    const int port = taken.sockets().front().port();
    ServeOptions options;
    options.workers = 2;
    EXPECT_THAT(co_await failure_of(serve(numbered(), "127.0.0.1", port, options)),
                HasSubstr("bind 127.0.0.1:" + std::to_string(port)));
  };
  run(main());
}

TEST_F(serve_workers, a_worker_whose_application_cannot_be_made_ends_the_others) {
  auto main = [&]() -> Coro<> {
    const ApplicationFactory factory = [](std::size_t worker) {
      if (worker == 1) throw ValueError("no application for worker 1");
      return Application();
    };
    ServeOptions options;
    options.workers = 3;
    EXPECT_EQ(co_await failure_of(serve(factory, "127.0.0.1", 0, options)),
              "ValueError: no application for worker 1");
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
