// Protocols over connections: who is told what, when, and in which order. The ids are CPython
// 3.15's.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/task/timeouts.hpp"
#include "net/transport_fixture.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::Recorder;
using test::RecorderPtr;
using test::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class transport : public test::TransportTest {};

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

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_ctor_with_waiter
TEST_F(transport, the_creator_goes_on_after_connection_made_and_before_the_first_data) {
  std::vector<std::string> order;
  prepare = [](Recorder& served) {
    served.on_made = [&served] { served.transport.write("early"); };
  };
  run([&]() -> Coro<> {
    Server server = co_await serve();
    auto mine = std::make_shared<Recorder>();
    mine->on_made = [&] {
      order.emplace_back("made");
      // What it schedules comes before the creator, as it was there first.
      loop().call_soon([&] { order.emplace_back("scheduled by made"); });
    };
    mine->on_data = [&] { order.emplace_back("data"); };
    auto [reader, writer] = co_await open_connection("127.0.0.1", 8888);
    co_await sleep(1s);  // by now the data is there
    const Transport made = detail::start_transport(writer, mine);
    co_await detail::finish_transport(made.state());
    order.emplace_back("creator");
    co_await sleep(1s);
    made.close();
    co_await mine->lost;
  }());
  EXPECT_THAT(order, ElementsAre("made", "scheduled by made", "creator", "data"));
}

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_pause_reading_connection_made
TEST_F(transport, pausing_in_connection_made_holds_all_data_back) {
  run([&]() -> Coro<> {
    prepare = [](Recorder& served) {
      served.on_made = [&served] { served.transport.pause_reading(); };
    };
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write("wait");
    co_await sleep(1s);
    EXPECT_THAT(served().events, ElementsAre("made"));
    EXPECT_FALSE(served().transport.is_reading());
    served().transport.pause_reading();  // the second time nothing
    served().transport.resume_reading();
    served().transport.resume_reading();
    EXPECT_TRUE(served().transport.is_reading());
    EXPECT_THAT(served().events, ElementsAre("made")) << "within the call";
    co_await sleep(1s);
    EXPECT_THAT(served().events, ElementsAre("made", "data wait"));
    client->transport.close();
    co_await served().lost;
    served().transport.resume_reading();  // too late, and no harm
    EXPECT_FALSE(served().transport.is_reading());
  }());
}

TEST_F(transport, pausing_in_data_received_holds_the_rest_back_and_the_peer_too) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    co_await sleep(1s);
    served().on_data = [&] { served().transport.pause_reading(); };
    for (int i = 0; i < 5; ++i) {
      client->transport.write(std::string(100'000, 'x'));
      co_await sleep(1ms);
    }
    EXPECT_EQ(served().received.size(), 100'000U);
    EXPECT_GT(client->transport.get_write_buffer_size(), 200'000U);
    served().on_data = nullptr;
    served().transport.resume_reading();
    co_await sleep(1s);
    EXPECT_EQ(served().received.size(), 500'000U);
    client->transport.close();
    co_await served().lost;
  }());
}

// Rule 2.45
// CPython: test_proactor_events::ProactorSocketTransportTests::test_pause_writing_2write
TEST_F(transport, writing_pauses_strictly_above_high_and_resumes_at_low_within_the_calls) {
  run([&]() -> Coro<> {
    network().set_buffer(1000);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    co_await sleep(1s);
    served().transport.pause_reading();
    client->transport.write(std::string(1000, 'k'));  // the kernel's
    EXPECT_EQ(client->transport.get_write_buffer_size(), 0U);
    client->transport.set_write_buffer_limits(500, 100);
    EXPECT_EQ(client->transport.get_write_buffer_limits(), std::pair(100UL, 500UL));
    client->transport.write(std::string(500, 'b'));
    EXPECT_THAT(client->events, ElementsAre("made"));
    client->transport.write("b");
    EXPECT_THAT(client->events, ElementsAre("made", "pause"));
    client->transport.write("b");
    EXPECT_THAT(client->events, ElementsAre("made", "pause"));
    // New limits apply at once.
    client->transport.set_write_buffer_limits(600, 502);
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume"));
    client->transport.set_write_buffer_limits(400, 0);
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume", "pause"));
    served().transport.resume_reading();
    co_await sleep(1s);
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume", "pause", "resume"));
    EXPECT_EQ(served().received.size(), 1502U);
    client->transport.close();
    co_await served().lost;
  }());
}

// Rule 2.45
// CPython: test_selector_events::SelectorSocketTransportTests::test_writelines_pauses_protocol
TEST_F(transport, writelines_pauses_once_whatever_the_pieces) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.set_write_buffer_limits(10, 5);
    client->transport.writelines({"0123456789", "0123456789", "0123456789", ""});
    EXPECT_THAT(client->events, ElementsAre("made", "pause"));
    EXPECT_EQ(client->transport.get_write_buffer_size(), 20U);
    co_await sleep(1s);
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume"));
    EXPECT_EQ(served().received, "012345678901234567890123456789");
    client->transport.close();
    co_await served().lost;
  }());
}

// Rule 2.45
TEST_F(transport, the_high_mark_alone_sets_the_low_one_to_a_quarter) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    EXPECT_EQ(client->transport.get_write_buffer_limits(), std::pair(16'384UL, 65'536UL));
    client->transport.set_write_buffer_limits(400);
    EXPECT_EQ(client->transport.get_write_buffer_limits(), std::pair(100UL, 400UL));
    client->transport.set_write_buffer_limits(0);
    EXPECT_EQ(client->transport.get_write_buffer_limits(), std::pair(0UL, 0UL));
    EXPECT_EQ(thrown_by([&] { client->transport.set_write_buffer_limits(1, 2); }),
              "ValueError: high (1) must be >= low (2) must be >= 0");
    client->transport.close();
    co_await client->lost;
  }());
}

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_write_ready_resume_writing_closes
TEST_F(transport, closing_in_resume_writing_loses_the_connection_once) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.set_write_buffer_limits(5, 0);
    client->on_resume = [&] {
      client->transport.close();
      EXPECT_EQ(client->events.back(), "resume") << "lost within close()";
    };
    client->transport.write(std::string(30, 'x'));
    co_await client->lost;
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume", "lost"));
    co_await sleep(1s);
    EXPECT_EQ(served().received.size(), 30U);
  }());
}

TEST_F(transport, writing_more_in_resume_writing_goes_on_and_pauses_again) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.set_write_buffer_limits(5, 0);
    client->on_resume = [&] {
      if (client->events.size() < 6) client->transport.write(std::string(30, 'y'));
    };
    client->transport.write(std::string(30, 'x'));
    co_await sleep(1s);
    EXPECT_THAT(client->events,
                ElementsAre("made", "pause", "resume", "pause", "resume", "pause", "resume"));
    EXPECT_EQ(served().received.size(), 90U);
    client->transport.close();
    co_await client->lost;
  }());
}

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_write_closing
TEST_F(transport, close_sends_what_is_buffered_and_tells_in_a_later_turn) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write(std::string(100, 'x'));
    client->transport.close();
    client->transport.close();
    EXPECT_TRUE(client->transport.is_closing());
    client->transport.write("dropped in silence");
    EXPECT_THAT(client->events, ElementsAre("made"));
    co_await client->lost;
    co_await sleep(1s);
    EXPECT_EQ(served().received.size(), 100U);
    EXPECT_THAT(client->events, ElementsAre("made", "lost"));
  }());
}

TEST_F(transport, abort_throws_away_what_is_buffered_and_tells_in_a_later_turn) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write(std::string(100, 'x'));
    client->transport.close();
    client->transport.abort();
    client->transport.abort();
    EXPECT_EQ(client->transport.get_write_buffer_size(), 0U);
    EXPECT_THAT(client->events, ElementsAre("made"));
    co_await client->lost;
    EXPECT_THAT(client->events, ElementsAre("made", "lost"));
    co_await sleep(1s);
    EXPECT_EQ(served().received.size(), 10U);
  }());
}

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_write_exception
TEST_F(transport, a_write_that_fails_is_told_as_the_loss_and_later_ones_are_warned_of) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    backend().fail_call(testing::Operation::send, 0, EPIPE);
    client->transport.write("x");
    EXPECT_TRUE(client->transport.is_closing());
    EXPECT_THAT(client->events, ElementsAre("made")) << "within write()";
    for (int i = 0; i < 5; ++i) client->transport.write("x");
    EXPECT_THAT(take_logs(), IsEmpty());
    client->transport.write("x");
    EXPECT_THAT(take_logs(), ElementsAre("socket.send() raised exception."));
    co_await client->lost;
    EXPECT_THAT(client->events,
                ElementsAre("made", "lost BrokenPipeError: send 127.0.0.1:8888: broken pipe"));
  }());
}

// CPython: test_selector_events::SelectorSocketTransportTests::test_read_ready_conn_reset
TEST_F(transport, a_reset_is_the_error_of_connection_lost) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write("hello");
    co_await sleep(1s);
    network().reset_all();
    co_await client->lost;
    co_await served().lost;
    EXPECT_THAT(client->events, ElementsAre("made",
                                            "lost ConnectionResetError: recv "
                                            "127.0.0.1:8888: connection reset by peer"));
    EXPECT_THAT(served().events.back(), HasSubstr("ConnectionResetError"));
  }());
}

// CPython: test_selector_events::SelectorSocketTransportTests::test_read_ready_eof_keep_open
TEST_F(transport, eof_received_may_keep_the_other_direction_open) {
  run([&]() -> Coro<> {
    prepare = [](Recorder& served) { served.stays_open = true; };
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    EXPECT_TRUE(client->transport.can_write_eof());
    client->transport.write("question");
    client->transport.write_eof();
    client->transport.write_eof();
    EXPECT_EQ(thrown_by([&] { client->transport.write("x"); }),
              "RuntimeError: Cannot call write() after write_eof()");
    co_await sleep(1s);
    EXPECT_THAT(served().events, ElementsAre("made", "data question", "eof"));
    EXPECT_FALSE(served().transport.is_closing());
    served().transport.pause_reading();
    served().transport.resume_reading();
    co_await sleep(1s);
    EXPECT_EQ(served().events.size(), 3U) << "the end is told once";
    served().transport.write("answer");
    served().transport.close();
    co_await client->lost;
    EXPECT_THAT(client->events, ElementsAre("made", "data answer", "eof", "lost"));
  }());
}

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_write_eof_buffer
TEST_F(transport, write_eof_comes_after_what_is_buffered) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write(std::string(100, 'x'));
    client->transport.write_eof();
    co_await served().lost;
    EXPECT_EQ(served().received.size(), 100U);
    EXPECT_EQ(served().events.at(served().events.size() - 2), "eof");
  }());
}

// --- connections and servers --------------------------------------------------------------------

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_connection_connect_err
TEST_F(transport, a_connection_that_fails_makes_no_protocol) {
  run([&]() -> Coro<> {
    int made = 0;
    auto factory = [&] {
      ++made;
      return std::make_shared<Recorder>();
    };
    auto outcome = co_await try_(EventLoop::create_connection(factory, "127.0.0.1", 9));
    EXPECT_EQ(describe(outcome.exception()),
              "ConnectionRefusedError: connect 127.0.0.1:9: connection refused");
    EXPECT_EQ(made, 0);
  }());
}

TEST_F(transport, a_factory_that_throws_closes_the_connection_it_was_for) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    auto factory = []() -> RecorderPtr { throw ValueError("not today"); };
    auto outcome = co_await try_(EventLoop::create_connection(factory, "127.0.0.1", 8888));
    EXPECT_EQ(describe(outcome.exception()), "ValueError: not today");
    auto null_factory = []() -> RecorderPtr { return nullptr; };
    auto null = co_await try_(EventLoop::create_connection(null_factory, "127.0.0.1", 8888));
    EXPECT_EQ(describe(null.exception()), "TypeError: a transport needs a protocol");
    co_await sleep(1s);
    EXPECT_EQ(served(0).events.back(), "lost");
    EXPECT_EQ(served(1).events.back(), "lost");
  }());
}

TEST_F(transport, cancelled_before_connection_made_has_reached_the_creator_it_closes) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    auto mine = std::make_shared<Recorder>();
    auto creating = create_task([](RecorderPtr protocol) -> Coro<> {
      auto factory = [protocol] { return protocol; };
      co_await EventLoop::create_connection(factory, "127.0.0.1", 8888);
    }(mine));
    mine->on_made = [&] { creating.cancel(); };
    auto outcome = co_await try_(creating);
    EXPECT_EQ(describe(outcome.exception()), "CancelledError");
    EXPECT_TRUE(mine->transport.is_closing());
    co_await mine->lost;
    EXPECT_THAT(mine->events, ElementsAre("made", "lost"));
  }());
}

// Rule 2.50
TEST_F(transport, a_server_waits_for_its_protocols_connections_and_can_abort_them) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    co_await sleep(1s);
    server.close();
    auto closed = create_task(server.wait_closed());
    co_await sleep(1s);
    EXPECT_FALSE(closed.done());
    server.abort_clients();
    EXPECT_EQ(served().events.size(), 1U) << "lost within abort_clients()";
    co_await closed;
    EXPECT_THAT(served().events, ElementsAre("made", "lost"));
    co_await client->lost;
  }());
}

TEST_F(transport, an_open_one_lives_without_handles_and_goes_with_its_loop) {
  loop().set_debug(true);
  std::weak_ptr<Recorder> watched;
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    co_await sleep(1s);
    watched = server_protocols.front();
    served().transport = {};
    server_protocols.clear();
    EXPECT_FALSE(watched.expired());
    client->transport.write("still there?");
    co_await sleep(1s);
    EXPECT_EQ(watched.lock()->received, "still there?");
    client->transport = {};
  }());
  close_loop();
  EXPECT_TRUE(watched.expired());
  const auto logs = take_logs();
  EXPECT_THAT(logs,
              ::testing::Each(HasSubstr("ResourceWarning: unclosed transport <Transport fd=")));
  EXPECT_EQ(logs.size(), 2U);
}

TEST_F(transport, says_what_it_is) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    const Transport& transport = client->transport;
    const std::string fd = std::to_string(transport.fileno());
    EXPECT_EQ(transport.repr(), "<Transport fd=" + fd + " read=polling write=<idle, bufsize=0>>");
    EXPECT_EQ(transport.peername().to_string(), "127.0.0.1:8888");
    EXPECT_EQ(transport.ssl_object(), nullptr);
    transport.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
    EXPECT_EQ(transport.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 1);
    transport.pause_reading();
    transport.write(std::string(15, 'x'));
    EXPECT_EQ(transport.repr(), "<Transport fd=" + fd + " read=idle write=<polling, bufsize=5>>");
    transport.abort();
    EXPECT_EQ(transport.repr(),
              "<Transport closing fd=" + fd + " read=idle write=<idle, bufsize=0>>");
    co_await client->lost;
    EXPECT_EQ(transport.repr(), "<Transport closed fd=-1 read=idle write=<idle, bufsize=0>>");
    EXPECT_EQ(transport.peername().to_string(), "127.0.0.1:8888");
  }());
}

// A protocol runs with the variables of whoever has made it.
TEST_F(transport, callbacks_run_in_the_context_of_the_creation) {
  static ContextVar<std::string> who("who");
  std::vector<std::string> seen;
  run([&]() -> Coro<> {
    Server server = co_await serve();
    who.set("creator");
    auto mine = std::make_shared<Recorder>();
    mine->on_made = mine->on_data = mine->on_lost = [&] { seen.push_back(who.get("nobody")); };
    auto factory = [mine] { return mine; };
    co_await EventLoop::create_connection(factory, "127.0.0.1", 8888);
    who.set("changed");
    co_await sleep(1s);
    served().transport.write("x");
    co_await sleep(1s);
    served().transport.close();
    co_await mine->lost;
  }());
  EXPECT_THAT(seen, ElementsAre("creator", "creator", "creator"));
}

TEST_F(transport, bytes_keep_their_order_through_short_calls_and_any_segmentation) {
  network().set_short_calls(2);
  network().set_segmentation(testing::Segmentation::random);
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    std::string sent;
    for (int i = 0; i < 200; ++i) {
      const std::string piece = std::to_string(i * 7919) + ";";
      client->transport.write(piece);
      sent += piece;
    }
    client->transport.close();
    co_await client->lost;
    co_await served().lost;
    EXPECT_EQ(served().received, sent);
  }());
}

}  // namespace
}  // namespace asyncio
