// Protocols over connections: who is told what, when, and in which order. The ids are CPython
// 3.15's.
#include <gmock/gmock.h>

#include <deque>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/simulated_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Writes down what it is told; a test gives single calls something to do.
class Recorder : public Protocol {
 public:
  void connection_made(Transport made) override {
    transport = made;
    note("made");
    if (on_made) on_made();
  }
  void data_received(std::string_view data) override {
    note("data " + std::string(data.substr(0, 20)));
    received += data;
    if (on_data) on_data();
  }
  bool eof_received() override {
    note("eof");
    if (on_eof) on_eof();
    return stays_open;
  }
  void connection_lost(std::exception_ptr error) override {
    note("lost" + (error ? " " + describe(error) : ""));
    open_when_lost = transport.fileno() >= 0;
    if (on_lost) on_lost();
    lost.set_result();
  }
  void pause_writing() override {
    note("pause");
    if (on_pause) on_pause();
  }
  void resume_writing() override {
    note("resume");
    if (on_resume) on_resume();
  }

  void note(std::string what) { events.push_back(std::move(what)); }

  Transport transport;
  std::vector<std::string> events;
  std::string received;
  bool stays_open = false;
  bool open_when_lost = false;
  Future<> lost = get_running_loop().create_future<>();
  std::function<void()> on_made, on_data, on_eof, on_lost, on_pause, on_resume;
};

using RecorderPtr = std::shared_ptr<Recorder>;

// A protocol on either end of each connection.
class transport : public test::SimulatedTest {
 protected:
  Coro<Server> serve(ServerOptions options = {}) {
    auto factory = [this] {
      server_protocols.push_back(std::make_shared<Recorder>());
      if (prepare) prepare(*server_protocols.back());
      return server_protocols.back();
    };
    return EventLoop::create_server(factory, "127.0.0.1", 8888, options);
  }
  Coro<RecorderPtr> connect() {
    return [](RecorderPtr mine) -> Coro<RecorderPtr> {
      auto factory = [mine] { return mine; };
      auto connecting = EventLoop::create_connection(factory, "127.0.0.1", 8888);
      co_await std::move(connecting);
      co_return mine;
    }(std::make_shared<Recorder>());
  }
  Recorder& served(std::size_t index = 0) { return *server_protocols.at(index); }

  void TearDown() override {
    if (!loop().is_closed()) detail::cancel_and_join_all(scheduler());
    server_protocols.clear();
    SimulatedTest::TearDown();
  }

  std::deque<RecorderPtr> server_protocols;
  std::function<void(Recorder&)> prepare;
};

// Rule 2.49
// CPython: test_events::EventLoopTestsMixin::test_create_server
TEST_F(transport, protocols_hear_of_the_connection_its_data_its_end_and_its_loss_in_order) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    EXPECT_THAT(client->events, ElementsAre("made"));
    client->transport.write("hello");
    co_await sleep(1s);
    EXPECT_THAT(served().events, ElementsAre("made", "data hello"));
    served().transport.write("thanks");
    served().transport.close();
    co_await client->lost;
    EXPECT_THAT(client->events, ElementsAre("made", "data thanks", "eof", "lost"));
    co_await served().lost;
    EXPECT_THAT(served().events, ElementsAre("made", "data hello", "lost"));
    EXPECT_TRUE(served().open_when_lost);
    EXPECT_EQ(served().transport.fileno(), -1);
    EXPECT_EQ(served().transport.get_protocol(), nullptr);
  }());
}

}  // namespace
}  // namespace asyncio
