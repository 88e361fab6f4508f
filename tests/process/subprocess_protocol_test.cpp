// Child processes of the real kernel that call a protocol back. The ids are CPython 3.15's.
#include "asyncio/process/subprocess_protocol.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>

#include "asyncio/asyncio.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using subprocess::DEVNULL;
using test::thrown_by;

class Recorder : public SubprocessProtocol {
 public:
  void connection_made(SubprocessTransport made) override {
    transport = made;
    events.emplace_back("made");
  }
  void pipe_data_received(int fd, std::string_view data) override {
    received[static_cast<std::size_t>(fd)] += data;
    if (on_data) on_data();
  }
  void pipe_connection_lost(int fd, std::exception_ptr error) override {
    events.push_back("pipe " + std::to_string(fd) + (error ? " " + test::describe(error) : ""));
  }
  void process_exited() override { events.emplace_back("exited"); }
  void connection_lost(std::exception_ptr error) override {
    events.emplace_back(error ? "lost with an error" : "lost");
    if (!lost.done()) lost.set_result();  // whoever awaited it may have been cancelled
  }

  SubprocessTransport transport;
  std::vector<std::string> events;
  std::array<std::string, 3> received;
  std::function<void()> on_data;
  Future<> lost = get_running_loop().create_future();
};

std::shared_ptr<Recorder> make_recorder() { return std::make_shared<Recorder>(); }

class process_protocol : public test::SocketTest {
 protected:
  void TearDown() override {
    SocketTest::TearDown();
    EXPECT_TRUE(::waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD)
        << "a child is left";
  }
};

// Rule 2.51
// CPython: test_subprocess::SubprocessMixin::test_subprocess_protocol_events
// CPython: test_events::SubprocessTestsMixin::test_subprocess_exec
TEST_F(process_protocol, is_told_of_all_in_order) {
  auto main = []() -> Coro<> {
    auto [transport, protocol] = co_await EventLoop::subprocess_exec(make_recorder, "cat");
    EXPECT_EQ(protocol->events, (std::vector<std::string>{"made"}));
    EXPECT_TRUE(protocol->transport == transport);
    EXPECT_GT(transport.get_pid(), 0);
    EXPECT_EQ(transport.get_returncode(), std::nullopt);
    EXPECT_EQ(transport.repr(),
              "<SubprocessTransport pid=" + std::to_string(transport.get_pid()) + " running>");
    const Transport input = transport.get_pipe_transport(0);
    Event heard;
    protocol->on_data = [&] { heard.set(); };
    input.write("Python ");
    co_await heard.wait();
    EXPECT_EQ(protocol->received[1], "Python ");
    heard.clear();
    input.write("The Winner");
    co_await heard.wait();
    input.close();
    co_await protocol->lost;
    EXPECT_EQ(protocol->received[1], "Python The Winner");
    EXPECT_EQ(transport.get_returncode(), 0);
    std::vector<std::string> events = protocol->events;
    EXPECT_EQ(events.front(), "made");
    EXPECT_EQ(events.back(), "lost");
    std::sort(events.begin(), events.end());
    EXPECT_EQ(events,
              (std::vector<std::string>{"exited", "lost", "made", "pipe 0", "pipe 1", "pipe 2"}));
    EXPECT_EQ(transport.get_protocol(), nullptr);
  };
  run(main());
}

// CPython: test_events::SubprocessTestsMixin::test_subprocess_stderr
TEST_F(process_protocol, hears_both_outputs_apart) {
  auto main = []() -> Coro<> {
    auto [transport, protocol] =
        co_await EventLoop::subprocess_shell(make_recorder, "echo out; echo err >&2; exit 7");
    transport.get_pipe_transport(0).close();
    co_await protocol->lost;
    EXPECT_EQ(protocol->received[1], "out\n");
    EXPECT_EQ(protocol->received[2], "err\n");
    EXPECT_EQ(transport.get_returncode(), 7);
  };
  run(main());
}

TEST_F(process_protocol, gets_arguments_one_by_one_or_in_a_vector_with_options_or_without) {
  auto main = []() -> Coro<> {
    const char* script = "echo $0 $1";
    const SubprocessOptions named = {.stdin = DEVNULL};
    const std::vector<std::string> vector = {"-c", script, "four"};
    auto one = co_await EventLoop::subprocess_exec(make_recorder, "sh", "-c", script);
    auto two = co_await EventLoop::subprocess_exec(make_recorder, "sh", "-c", script, "two",
                                                   std::string("2"));
    auto three = co_await EventLoop::subprocess_exec(make_recorder, "sh", "-c", script, "three",
                                                     {.stdin = DEVNULL});
    auto four = co_await EventLoop::subprocess_exec(make_recorder, "sh", vector);
    auto five = co_await EventLoop::subprocess_exec(make_recorder, "echo", "five", named);
    auto six = co_await EventLoop::subprocess_exec(make_recorder, "echo", {.stdin = DEVNULL});
    EXPECT_FALSE(three.first.get_pipe_transport(0));
    EXPECT_FALSE(five.first.get_pipe_transport(0));
    for (const auto& started : {one, two, three, four, five, six}) co_await started.second->lost;
    EXPECT_EQ(one.second->received[1], "sh\n");
    EXPECT_EQ(two.second->received[1], "two 2\n");
    EXPECT_EQ(three.second->received[1], "three\n");
    EXPECT_EQ(four.second->received[1], "four\n");
    EXPECT_EQ(five.second->received[1], "five\n");
    EXPECT_EQ(six.second->received[1], "\n");
  };
  run(main());
}

TEST_F(process_protocol, has_pipes_unless_the_options_say_otherwise) {
  auto main = []() -> Coro<> {
    const std::vector<std::string> args = {"-c", "echo out"};
    auto [transport, protocol] = co_await EventLoop::subprocess_exec(
        make_recorder, "sh", args, {.stdin = DEVNULL, .stderr = subprocess::INHERIT});
    EXPECT_FALSE(transport.get_pipe_transport(0));
    EXPECT_TRUE(transport.get_pipe_transport(1));
    EXPECT_FALSE(transport.get_pipe_transport(2));
    EXPECT_FALSE(transport.get_pipe_transport(3));
    co_await protocol->lost;
    EXPECT_EQ(protocol->received[1], "out\n");
  };
  run(main());
}

// CPython: test_events::SubprocessTestsMixin::test_subprocess_exited
// CPython: test_events::SubprocessTestsMixin::test_subprocess_kill
// CPython: test_events::SubprocessTestsMixin::test_subprocess_terminate
// CPython: test_events::SubprocessTestsMixin::test_subprocess_send_signal
TEST_F(process_protocol, hears_of_the_signal_that_ended_the_child) {
  auto main = []() -> Coro<> {
    const std::vector<std::function<void(const SubprocessTransport&)>> ways = {
        [](const SubprocessTransport& child) { child.kill(); },
        [](const SubprocessTransport& child) { child.terminate(); },
        [](const SubprocessTransport& child) { child.send_signal(SIGHUP); }};
    std::vector<int> codes;
    for (const auto& way : ways) {
      auto [transport, protocol] = co_await EventLoop::subprocess_exec(make_recorder, "cat");
      way(transport);
      co_await protocol->lost;
      codes.push_back(*transport.get_returncode());
      way(transport);  // to nobody
    }
    EXPECT_EQ(codes, (std::vector<int>{-SIGKILL, -SIGTERM, -SIGHUP}));
  };
  run(main());
}

// CPython: test_events::SubprocessTestsMixin::test_subprocess_close_client_stream
TEST_F(process_protocol, hears_that_the_child_has_closed_its_input) {
  auto main = []() -> Coro<> {
    auto [transport, protocol] = co_await EventLoop::subprocess_shell(
        make_recorder, "exec <&-; echo closed; exec sleep 1000");
    Event heard;
    protocol->on_data = [&] { heard.set(); };
    co_await heard.wait();
    while (protocol->events.size() < 2) co_await sleep(Nanoseconds(0));
    EXPECT_EQ(protocol->events, (std::vector<std::string>{"made", "pipe 0"}));
    transport.kill();
    co_await protocol->lost;
  };
  run(main());
}

// CPython: test_subprocess::SubprocessTransportTests::test_proc_exited
// CPython: test_events::SubprocessTestsMixin::test_subprocess_close_after_finish
TEST_F(process_protocol, close_kills_a_child_that_runs_and_does_nothing_afterwards) {
  auto main = []() -> Coro<> {
    auto [transport, protocol] = co_await EventLoop::subprocess_exec(make_recorder, "cat");
    transport.close();
    EXPECT_TRUE(transport.is_closing());
    co_await protocol->lost;
    EXPECT_EQ(transport.get_returncode(), -SIGKILL);
    transport.close();
  };
  run(main());
}

TEST_F(process_protocol, that_throws_is_reported_and_told_on) {
  std::vector<std::string> reported;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& context) {
    reported.push_back(test::describe(context.exception));
  });
  class Fails : public Recorder {
   public:
    void process_exited() override { throw ValueError("exited"); }
    void pipe_data_received(int, std::string_view) override { throw ValueError("data"); }
  };
  auto main = []() -> Coro<> {
    const auto factory = [] { return std::make_shared<Fails>(); };
    auto [transport, protocol] =
        co_await EventLoop::subprocess_shell(factory, "echo out", {.stdin = DEVNULL});
    co_await protocol->lost;
  };
  run(main());
  std::sort(reported.begin(), reported.end());
  EXPECT_EQ(reported, (std::vector<std::string>{"ValueError: data", "ValueError: exited"}));
}

TEST_F(process_protocol, of_a_program_that_is_not_there_is_not_called) {
  EXPECT_EQ(thrown_by([&] { run(EventLoop::subprocess_exec(make_recorder, "/no/such/program")); }),
            "FileNotFoundError: exec /no/such/program: no such file or directory");
}

// CPython: test_subprocess::SubprocessMixin::test_cancel_post_init
TEST_F(process_protocol, whose_creation_is_cancelled_leaves_no_child) {
  for (int turns = 0; turns < 8; ++turns) {
    auto main = [&]() -> Coro<> {
      auto creating = create_task([]() -> Coro<> {
        auto made = co_await EventLoop::subprocess_exec(make_recorder, "cat");
        made.first.close();
        co_await made.second->lost;
      });
      for (int i = 0; i < turns; ++i) co_await sleep(Nanoseconds(0));
      creating.cancel();
      auto outcome = co_await try_(creating);
      EXPECT_FALSE(outcome.ok());
    };
    run(main());
  }
  turn(3);
}

TEST_F(process_protocol, is_let_go_when_the_loop_closes) {
  std::weak_ptr<Recorder> protocol;
  auto main = [&]() -> Coro<> {
    auto made = co_await EventLoop::subprocess_exec(make_recorder, "cat");
    protocol = made.second;
    made.second->transport = SubprocessTransport();
  };
  run(main());
  EXPECT_FALSE(protocol.expired());
  loop().close();
  EXPECT_TRUE(protocol.expired());
}

}  // namespace
}  // namespace asyncio
