// StreamReader and StreamWriter over a real connection. The ids are CPython 3.15's.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "asyncio/streams/writer.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::TcpPair;
using test::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class connection : public test::SocketTest {
 protected:
  connection() : streams(detail::make_streams(scheduler(), pair.ours)), peer(pair.theirs) {}

  void TearDown() override {
    streams.reset();
    peer.close();
    if (!loop().is_closed()) turn(2);
    SocketTest::TearDown();
  }
  StreamReader& reader() { return streams->first; }
  StreamWriter& writer() { return streams->second; }

  TcpPair pair;
  std::optional<StreamPair> streams;
  Peer peer;
};

// Writes until the kernel takes no more and so much is buffered that drain() has to wait.
void fill_up(StreamWriter& writer) {
  const std::string block(256 * 1024, 'f');
  while (writer.get_write_buffer_size() <= 64 * 1024) writer.write(block);
}

TEST_F(connection, lines_arrive_whole_however_they_were_cut) {
  auto main = [&]() -> Coro<std::string> {
    peer.send("first li");
    auto line = create_task(reader().readline());
    co_await sleep(0s);
    peer.send("ne\nsecond\nrest");
    std::string all = co_await line;
    all += co_await reader().readline();
    peer.close();
    all += co_await reader().readline();
    EXPECT_TRUE(reader().at_eof());
    co_return all;
  };
  EXPECT_EQ(run(main()), "first line\nsecond\nrest");
}

TEST_F(connection, unread_bytes_survive_reads_of_other_connections) {
  TcpPair second;
  Peer other_peer(second.theirs);
  auto main = [&]() -> Coro<std::string> {
    StreamPair other = detail::make_streams(scheduler(), second.ours);
    peer.send("mine one\nmine two\n");
    other_peer.send("other one\nother two\n");
    std::string all = co_await reader().readline();
    all += co_await other.first.readline();
    all += co_await reader().readline();
    all += co_await other.first.readline();
    co_return all;
  };
  EXPECT_EQ(run(main()), "mine one\nother one\nmine two\nother two\n");
  turn(2);
}

// Fault S6
TEST_F(connection, a_cancelled_read_loses_no_byte_at_any_moment) {
  // Cancelled after each number of turns, until one comes too late.
  for (int turns = 0; turns < 8; ++turns) {
    auto main = [&]() -> Coro<std::string> {
      auto task = create_task(reader().readexactly(8));
      co_await sleep(0s);
      peer.send("abcd");
      for (int i = 0; i < turns; ++i) co_await sleep(0s);
      task.cancel();
      std::vector<Task<std::string>> tasks(1, task);
      co_await wait(tasks);
      EXPECT_TRUE(task.cancelled());
      peer.send("efgh");
      co_return co_await reader().readexactly(8);
    };
    EXPECT_EQ(run(main()), "abcdefgh") << turns;
  }
}

TEST_F(connection, large_data_arrives_and_other_tasks_run_meanwhile) {
  const std::string block(1'000'000, 'b');
  auto main = [&]() -> Coro<std::size_t> {
    std::thread sender([&] {
      for (int i = 0; i < 20; ++i) peer.send(block);
      peer.shutdown();
    });
    bool reading = true;
    int others = 0;
    auto other = create_task([&]() -> Coro<> {
      while (reading) {
        ++others;
        co_await sleep(0s);
      }
    });
    std::string all = co_await reader().read();
    reading = false;
    co_await other;
    sender.join();
    EXPECT_GT(others, 20) << "the reader had the loop for itself";
    co_return all.size();
  };
  EXPECT_EQ(run(main()), 20'000'000U);
}

// Rule 2.45
// Rule 2.47
// CPython: test_transports::TransportTests::test_flowcontrol_mixin_set_write_limits
// CPython: test_streams::StreamTests::test_multiple_drain
// Fault S3
TEST_F(connection, drain_waits_above_the_high_mark_until_the_low_one) {
  auto main = [&]() -> Coro<> {
    co_await writer().drain();  // nothing to wait for
    fill_up(writer());
    auto drain = create_task(writer().drain());
    auto drain_too = create_task(writer().drain());
    co_await sleep(0s);
    EXPECT_FALSE(drain.done());
    while (!drain.done()) {
      EXPECT_FALSE(peer.recv().empty());
      for (int i = 0; i < 3; ++i) co_await sleep(0s);  // the event, the flush, the wake-up
      if (!drain.done()) {
        EXPECT_GT(writer().get_write_buffer_size(), 16U * 1024) << "drain is late";
      }
    }
    EXPECT_LE(writer().get_write_buffer_size(), 16U * 1024);
    co_await drain_too;
  };
  run(main());
}

// Whoever waits in drain() is cancelled at each moment: the rest stays queued, and arrives whole.
// Fault S7
TEST_F(connection, a_cancelled_drain_takes_no_byte_back_at_any_moment) {
  std::string expected;
  for (int i = 0; expected.size() < 16'000'000; ++i) expected += std::to_string(i) + ' ';
  for (int turns = 0; turns < 10; ++turns) {
    auto main = [&]() -> Coro<std::string> {
      writer().write(expected);
      auto drain = create_task(writer().drain());
      std::string got;
      for (int i = 0; i < turns; ++i) {
        co_await sleep(0s);
        got += peer.recv();
      }
      EXPECT_FALSE(drain.done());
      drain.cancel();
      while (!drain.done()) co_await sleep(0s);
      EXPECT_TRUE(drain.cancelled());
      EXPECT_GT(writer().get_write_buffer_size(), 0U);
      EXPECT_FALSE(writer().is_closing());
      writer().write("the next");
      while (got.size() < expected.size() + 8) {
        got += peer.recv();
        co_await sleep(0s);
      }
      co_return got;
    };
    EXPECT_TRUE(run(main()) == expected + "the next") << turns;
  }
}

TEST_F(connection, shows_itself_as_in_python) {
  auto main = [&]() -> Coro<> {
    const std::string fd = std::to_string(writer().fileno());
    const std::string idle = "<Transport fd=" + fd + " read=idle write=<idle, bufsize=0>>";
    EXPECT_EQ(reader().repr(), "<StreamReader transport=" + idle + ">");
    EXPECT_EQ(writer().repr(),
              "<StreamWriter transport=" + idle + " reader=" + reader().repr() + ">");
    auto line = create_task(reader().readline());
    co_await sleep(0s);
    EXPECT_EQ(reader().repr(), "<StreamReader waiting transport=<Transport fd=" + fd +
                                   " read=polling write=<idle, bufsize=0>>>");
    peer.send("a line\nmore");
    co_await line;
    EXPECT_EQ(reader().repr(), "<StreamReader 4 bytes transport=" + idle + ">");
    writer().close();
    EXPECT_THAT(writer().repr(), HasSubstr("<Transport closing fd=" + fd));
    co_await writer().wait_closed();
    EXPECT_THAT(writer().repr(), HasSubstr("<Transport closed fd=-1"));
  };
  run(main());
}

TEST_F(connection, gives_the_options_of_its_socket) {
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(writer().getsockopt(SOL_SOCKET, SO_KEEPALIVE), 0);
    writer().setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
    EXPECT_EQ(writer().getsockopt(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_THAT(thrown_by([&] { writer().setsockopt(SOL_SOCKET, 9999, 1); }),
                HasSubstr("setsockopt: "));
    writer().close();
    co_await writer().wait_closed();
    EXPECT_THAT(thrown_by([&] { writer().setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1); }),
                HasSubstr("setsockopt: bad file descriptor"));
    EXPECT_THAT(thrown_by([&] { return writer().getsockopt(SOL_SOCKET, SO_KEEPALIVE); }),
                HasSubstr("getsockopt: bad file descriptor"));
  };
  run(main());
}

TEST_F(connection, write_limits_are_checked_and_set_anew) {
  EXPECT_EQ(thrown_by([&] { writer().set_write_buffer_limits(1, 2); }),
            "ValueError: high (1) must be >= low (2) must be >= 0");
  auto main = [&]() -> Coro<> {
    fill_up(writer());
    auto drain = create_task(writer().drain());
    co_await sleep(0s);
    EXPECT_FALSE(drain.done());
    writer().set_write_buffer_limits(100'000'000, 90'000'000);
    EXPECT_EQ(writer().get_write_buffer_limits(), std::pair(90'000'000UL, 100'000'000UL));
    co_await drain;
  };
  run(main());
  writer().abort();
}

// Rule 2.49
// CPython: test_events::EventLoopTestsMixin::test_writelines_empty_chunk
TEST_F(connection, an_empty_last_piece_of_writelines_does_not_hold_the_rest_back) {
  auto main = [&]() -> Coro<> {
    writer().writelines({"abc", ""});
    writer().writelines({"", ""});
    EXPECT_EQ(peer.recv(), "abc");
    fill_up(writer());
    const std::size_t buffered = writer().get_write_buffer_size();
    writer().writelines({"x", ""});
    EXPECT_EQ(writer().get_write_buffer_size(), buffered + 1);
    writer().close();
    auto closed = create_task(writer().wait_closed());
    while (!closed.done()) {
      (void)peer.recv();
      co_await sleep(0s);
    }
  };
  run(main());
}

// Fault S2
TEST_F(connection, writelines_sends_the_pieces_in_order_whatever_the_kernel_takes) {
  std::string expected;
  auto main = [&]() -> Coro<std::string> {
    std::string got;
    for (int i = 0; i < 40; ++i) {
      const std::string big(50'000, static_cast<char>('a' + i % 26));
      std::vector<std::string_view> pieces(20, big);
      pieces.insert(pieces.begin() + 3, "");
      pieces.emplace_back("|");
      for (const std::string_view piece : pieces) expected += piece;
      writer().writelines(pieces);
    }
    writer().writelines({"the ", "end"});
    expected += "the end";
    while (got.size() < expected.size()) {
      got += peer.recv();
      co_await sleep(0s);
    }
    co_return got;
  };
  EXPECT_TRUE(run(main()) == expected);
}

// Rule 2.49
// CPython: test_selector_events::SelectorSocketTransportTests::test_write_eof_buffer
// Fault S9
TEST_F(connection, write_eof_comes_after_what_is_buffered_and_reading_goes_on) {
  auto main = [&]() -> Coro<std::string> {
    fill_up(writer());
    writer().write_eof();
    writer().write_eof();  // again: no effect
    EXPECT_EQ(thrown_by([&] { writer().write("x"); }),
              "RuntimeError: Cannot call write() after write_eof()");
    std::size_t received = 0;
    for (std::string part = peer.recv(); !part.empty(); part = peer.recv()) {
      received += part.size();
      co_await sleep(0s);
    }
    EXPECT_GT(received, 64U * 1024);
    peer.send("still here");
    co_return co_await reader().read(100);
  };
  EXPECT_EQ(run(main()), "still here");
}

// Rule 2.49
// CPython: test_streams::StreamTests::test_wait_closed_on_close
// close() flushes; the end is told in a later turn.
// Fault S8
TEST_F(connection, close_sends_what_is_buffered_before_it_closes) {
  auto main = [&]() -> Coro<std::size_t> {
    fill_up(writer());
    writer().close();
    EXPECT_TRUE(writer().is_closing());
    auto closed = create_task(writer().wait_closed());
    co_await sleep(0s);
    EXPECT_FALSE(closed.done());
    std::size_t received = 0;
    for (std::string part = peer.recv(); !part.empty(); part = peer.recv()) {
      received += part.size();
      co_await sleep(0s);
    }
    co_await closed;
    EXPECT_EQ(writer().fileno(), -1);
    co_return received;
  };
  EXPECT_GT(run(main()), 64U * 1024);
}

// Fault S8
TEST_F(connection, close_ends_a_read_that_waits) {
  auto main = [&]() -> Coro<std::string> {
    auto read = create_task(reader().read(10));
    co_await sleep(0s);
    writer().close();
    co_return co_await read;
  };
  EXPECT_EQ(run(main()), "");
  EXPECT_TRUE(reader().at_eof());
}

TEST_F(connection, abort_throws_away_what_is_buffered) {
  auto main = [&]() -> Coro<> {
    fill_up(writer());
    writer().abort();
    EXPECT_EQ(writer().get_write_buffer_size(), 0U);
    co_await writer().wait_closed();
  };
  run(main());
}

// Rule 2.49
// Five writes into the void are silent, then they are reported.
TEST_F(connection, writes_after_close_are_dropped_and_from_the_sixth_reported) {
  auto main = [&]() -> Coro<> {
    writer().close();
    co_await writer().wait_closed();
    for (int i = 0; i < 5; ++i) writer().write("lost");
    EXPECT_THAT(take_logs(), IsEmpty());
    writer().write("lost");
    EXPECT_THAT(take_logs(), ElementsAre("socket.send() raised exception."));
  };
  run(main());
}

// Rule 2.47
// CPython: test_streams::StreamTests::test_async_writer_api_exception_after_close
TEST_F(connection, drain_after_the_end_is_a_connection_reset_error) {
  auto main = [&]() -> Coro<> {
    writer().close();
    co_await writer().wait_closed();
    co_await writer().drain();
  };
  EXPECT_EQ(thrown_by([&] { run(main()); }), "ConnectionResetError: Connection lost");
}

// Rule 2.47
// CPython: test_streams::StreamTests::test_drain_raises
TEST_F(connection, drain_gives_the_readers_exception_first) {
  reader().set_exception(std::make_exception_ptr(ValueError("reader")));
  EXPECT_EQ(thrown_by([&] { run(writer().drain()); }), "ValueError: reader");
}

TEST_F(connection, a_reset_fails_reads_drains_and_wait_closed_with_the_peers_name) {
  const std::string name = writer().peername().to_string();
  const std::string expected = "ConnectionResetError: recv " + name + ": connection reset by peer";
  auto main = [&]() -> Coro<> {
    auto read = create_task(reader().readline());
    co_await sleep(0s);
    peer.reset();
    Result<std::string> line = co_await try_(read);
    EXPECT_EQ(test::describe(line.exception()), expected);
    EXPECT_TRUE(writer().is_closing());
    EXPECT_TRUE(writer().peer_closed());
    Result<void> drained = co_await try_(writer().drain());
    EXPECT_EQ(test::describe(drained.exception()), expected);
    writer().close();
    Result<void> closed = co_await try_(writer().wait_closed());
    EXPECT_EQ(test::describe(closed.exception()), expected);
    EXPECT_EQ(writer().peername().to_string(), name);
  };
  run(main());
}

// Fault S1
TEST_F(connection, what_came_before_a_reset_is_given_first) {
  auto main = [&]() -> Coro<> {
    peer.send("answer\nhalf");
    std::string line = co_await reader().readline();
    EXPECT_EQ(line, "answer\n");
    auto rest = create_task(reader().readline());
    co_await sleep(0s);
    peer.reset();
    Result<std::string> failed = co_await try_(rest);
    EXPECT_TRUE(base::exception_is<ConnectionResetError>(failed.exception()));
    EXPECT_EQ(reader().buffered(), "half");
  };
  run(main());
}

// Ours: CPython's transport gives up both directions when one write fails.
TEST_F(connection, a_failed_write_does_not_take_away_what_can_be_read) {
  auto main = [&]() -> Coro<std::string> {
    peer.send("413 too large\n");
    co_await reader().fill();
    peer.close();  // with nothing unread on its side: it only answers further data with a reset
    while (!writer().is_closing()) {
      writer().write("more of the request");
      co_await sleep(0s);
    }
    Result<void> drained = co_await try_(writer().drain());
    EXPECT_TRUE(base::exception_is<BrokenPipeError>(drained.exception()) ||
                base::exception_is<ConnectionResetError>(drained.exception()));
    co_return co_await reader().readline();
  };
  EXPECT_EQ(run(main()), "413 too large\n");
}

TEST_F(connection, a_drain_that_waits_fails_when_the_peer_goes) {
  const std::string name = writer().peername().to_string();
  auto main = [&]() -> Coro<> {
    fill_up(writer());
    auto drain = create_task(writer().drain());
    co_await sleep(0s);
    peer.reset();
    co_await drain;
  };
  EXPECT_EQ(thrown_by([&] { run(main()); }),
            "ConnectionResetError: send " + name + ": connection reset by peer");
}

// Rule 2.48
// CPython's waits share one future, and cancelling one cancels all.
TEST_F(connection, cancelling_one_wait_closed_leaves_the_others_alone) {
  auto main = [&]() -> Coro<> {
    fill_up(writer());
    writer().close();
    auto first = create_task(writer().wait_closed());
    auto second = create_task(writer().wait_closed());
    co_await sleep(0s);
    first.cancel();
    std::vector<Task<>> tasks(1, first);
    co_await wait(tasks);
    EXPECT_TRUE(first.cancelled());
    writer().abort();
    co_await second;
    EXPECT_FALSE(second.cancelled());
  };
  run(main());
}

TEST_F(connection, the_last_writer_that_goes_closes_and_says_so_in_debug_mode) {
  loop().set_debug(true);
  writer().write("bye");
  {
    const StreamWriter copy = writer();
    streams.reset();
    EXPECT_THAT(take_logs(), IsEmpty()) << "one writer is left";
  }
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("ResourceWarning: unclosed <StreamWriter fd=")));
  turn(2);
  EXPECT_EQ(peer.recv_all(), "bye");
}

TEST_F(connection, dropped_handles_still_deliver_what_was_written) {
  fill_up(writer());
  streams.reset();
  turn();
  std::atomic<std::size_t> received = 0;
  std::thread taker([&] { received = peer.recv_all().size(); });
  while (received == 0 && scheduler().backend().watching()) turn();
  taker.join();
  EXPECT_GT(received, 64U * 1024);
}

TEST_F(connection, handles_may_outlive_the_loop) {
  fill_up(writer());
  loop().close();
  EXPECT_TRUE(writer().is_closing());
  EXPECT_TRUE(reader().at_eof());
  writer().write("nowhere");
  writer().close();
  EXPECT_EQ(writer().fileno(), -1);
  EXPECT_TRUE(writer().sockname().empty());
  streams.reset();
  peer.close();
}

TEST_F(connection, names_both_ends) {
  EXPECT_EQ(writer().peername().host(), "127.0.0.1");
  EXPECT_EQ(writer().sockname().host(), "127.0.0.1");
  EXPECT_NE(writer().peername().port(), writer().sockname().port());
  EXPECT_TRUE(writer().can_write_eof());
}

TEST_F(connection, an_idle_peer_that_closes_is_noticed_without_a_read) {
  auto main = [&]() -> Coro<> {
    auto reading = create_task(reader().read(1));
    co_await sleep(0s);
    reading.cancel();
    Result<std::string> nothing = co_await try_(std::move(reading));
    EXPECT_TRUE(base::exception_is<CancelledError>(nothing.exception()));
    EXPECT_FALSE(writer().peer_closed());
    peer.close();
    while (!writer().peer_closed()) co_await sleep(0s);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
