// Callbacks that fail, and protocols with buffers of their own. The ids are CPython 3.15's.
#include <gmock/gmock.h>

#include <array>

#include "net/transport_fixture.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::Recorder;
using test::RecorderPtr;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What a callback throws.
class failing_callbacks : public test::TransportTest {
 protected:
  void SetUp() override {
    loop().set_exception_handler([this](EventLoop&, const ExceptionContext& context) {
      EXPECT_TRUE(context.message.starts_with("E") || context.transport != nullptr);
      reported.push_back(context.message + " " + describe(context.exception));
    });
  }
  std::vector<std::string> reported;
};

// CPython: test_selector_events::SelectorSocketTransportTests::test_data_received_error
TEST_F(failing_callbacks, data_received_that_throws_is_reported_and_ends_the_connection_with_it) {
  run([&]() -> Coro<> {
    prepare = [](Recorder& served) { served.on_data = [] { throw ValueError("bad data"); }; };
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write("x");
    co_await served().lost;
    EXPECT_EQ(served().events.back(), "lost ValueError: bad data");
    co_await client->lost;
  }());
  EXPECT_THAT(reported, ElementsAre("Fatal error: protocol.data_received() call failed. "
                                    "ValueError: bad data"));
}

TEST_F(failing_callbacks, an_os_error_of_data_received_ends_the_connection_without_a_report) {
  run([&]() -> Coro<> {
    prepare = [](Recorder& served) {
      served.on_data = [] { throw OSError(ENOSPC, "write", "/log"); };
    };
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write("x");
    co_await served().lost;
    EXPECT_EQ(served().events.back(), "lost OSError: write: /log");
    co_await client->lost;
  }());
  EXPECT_THAT(reported, IsEmpty());
}

// CPython: test_selector_events::SelectorSocketTransportTests::test_eof_received_error
TEST_F(failing_callbacks, eof_received_that_throws_is_reported_and_ends_the_connection_with_it) {
  run([&]() -> Coro<> {
    prepare = [](Recorder& served) { served.on_eof = [] { throw LookupError("no end"); }; };
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write_eof();
    co_await served().lost;
    EXPECT_EQ(served().events.back(), "lost LookupError: no end");
    client->transport.abort();
    co_await client->lost;
  }());
  EXPECT_THAT(reported, ElementsAre("Fatal error: protocol.eof_received() call failed. "
                                    "LookupError: no end"));
}

TEST_F(failing_callbacks, the_others_are_reported_and_the_connection_goes_on) {
  run([&]() -> Coro<> {
    network().set_buffer(10);
    Server server = co_await serve();
    auto mine = std::make_shared<Recorder>();
    auto fail = [] { throw ValueError("no"); };
    mine->on_made = mine->on_pause = mine->on_resume = mine->on_lost = fail;
    auto factory = [mine] { return mine; };
    co_await EventLoop::create_connection(factory, "127.0.0.1", 8888);
    mine->transport.set_write_buffer_limits(5, 0);
    mine->transport.write(std::string(30, 'x'));
    co_await sleep(1s);
    EXPECT_EQ(served().received.size(), 30U);
    mine->transport.close();
    co_await served().lost;
  }());
  EXPECT_THAT(reported,
              ElementsAre("Exception in callback protocol.connection_made() ValueError: no",
                          "protocol.pause_writing() failed ValueError: no",
                          "protocol.resume_writing() failed ValueError: no",
                          "Exception in callback protocol.connection_lost() ValueError: no"));
}

TEST_F(failing_callbacks, a_system_exit_in_data_received_leaves_the_loop) {
  auto main = [&]() -> Coro<> {
    prepare = [](Recorder& served) { served.on_data = [] { throw SystemExit(3); }; };
    Server server = co_await serve();
    RecorderPtr client = co_await connect();
    client->transport.write("x");
    co_await served().lost;
  };
  EXPECT_THROW(run(main()), SystemExit);
}

// CPython: test_selector_events::SelectorSocketTransportTests::test_accept_connection_zero_one
TEST_F(failing_callbacks, a_factory_that_throws_costs_that_connection_only) {
  int made = 0;
  run([&]() -> Coro<> {
    prepare = [&](Recorder&) {
      if (++made == 1) throw ValueError("not today");
    };
    Server server = co_await serve();
    RecorderPtr first = co_await connect();
    co_await first->lost;
    RecorderPtr second = co_await connect();
    second->transport.write("hello");
    co_await sleep(1s);
    EXPECT_EQ(served(1).received, "hello");
    second->transport.close();
    co_await second->lost;
  }());
  EXPECT_THAT(reported,
              ElementsAre(HasSubstr("Error on transport creation for incoming connection")));
}

// --- buffered protocols -------------------------------------------------------------------------

// Receives into pieces of `size`.
class Buffered : public BufferedProtocol {
 public:
  void connection_made(Transport made) override { transport = made; }
  std::span<std::byte> get_buffer(std::ptrdiff_t hint) override {
    EXPECT_EQ(hint, -1);
    return std::span(buffer).first(size);
  }
  void buffer_updated(std::size_t count) override {
    received.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (on_data) on_data();
  }
  bool eof_received() override {
    received += "|";
    return false;
  }
  void connection_lost(std::exception_ptr error) override {
    if (error) failure = describe(error);
    lost.set_result();
  }

  Transport transport;
  std::array<std::byte, 64> buffer{};
  std::size_t size = 4;
  std::string received;
  std::string failure;
  std::function<void()> on_data;
  Future<> lost = get_running_loop().create_future<>();
};

class buffered_protocol : public failing_callbacks {};

// CPython: test_buffered_proto::BufferedProtocolSelectorTests::test_buffered_proto_create_connection
TEST_F(buffered_protocol, is_given_bytes_in_its_own_buffer_however_small) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    auto mine = std::make_shared<Buffered>();
    auto factory = [mine] { return mine; };
    auto [transport, protocol] = co_await EventLoop::create_connection(factory, "127.0.0.1", 8888);
    EXPECT_EQ(protocol, mine);
    EXPECT_EQ(transport, mine->transport);
    co_await sleep(1s);
    served().transport.write("0123456789");
    co_await sleep(1s);
    EXPECT_EQ(mine->received, "0123456789");
    served().transport.write("ab");
    served().transport.close();
    co_await mine->lost;
    EXPECT_EQ(mine->received, "0123456789ab|");
    EXPECT_EQ(mine->failure, "");
  }());
}

// CPython: test_selector_events::SelectorSocketTransportBufferedProtocolTests::test_get_buffer_zerosized
TEST_F(buffered_protocol, an_empty_buffer_is_a_fatal_error) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    auto mine = std::make_shared<Buffered>();
    mine->size = 0;
    auto factory = [mine] { return mine; };
    co_await EventLoop::create_connection(factory, "127.0.0.1", 8888);
    co_await sleep(1s);
    served().transport.write("x");
    co_await mine->lost;
    EXPECT_EQ(mine->failure, "RuntimeError: get_buffer() returned an empty buffer");
  }());
  EXPECT_THAT(reported, ElementsAre("Fatal error: protocol.get_buffer() call failed. RuntimeError: "
                                    "get_buffer() returned an empty buffer"));
}

// CPython: test_selector_events::SelectorSocketTransportBufferedProtocolTests::test_buffer_updated_error
TEST_F(buffered_protocol, buffer_updated_that_throws_ends_the_connection_with_it) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    auto mine = std::make_shared<Buffered>();
    mine->on_data = [] { throw LookupError("no room"); };
    auto factory = [mine] { return mine; };
    co_await EventLoop::create_connection(factory, "127.0.0.1", 8888);
    co_await sleep(1s);
    served().transport.write("12345678");
    co_await mine->lost;
    EXPECT_EQ(mine->received, "1234");
    EXPECT_EQ(mine->failure, "LookupError: no room");
  }());
  EXPECT_THAT(reported, ElementsAre("Fatal error: protocol.buffer_updated() call failed. "
                                    "LookupError: no room"));
}

// CPython: test_selector_events::SelectorSocketTransportBufferedProtocolTests::test_proto_type_switch
TEST_F(buffered_protocol, may_take_over_from_another_kind_within_a_callback) {
  run([&]() -> Coro<> {
    Server server = co_await serve();
    RecorderPtr first = co_await connect();
    co_await sleep(1s);
    auto second = std::make_shared<Buffered>();
    std::weak_ptr<Recorder> gone = first;
    first->on_data = [&] { first->transport.set_protocol(second); };
    served().transport.write("for the first");
    co_await sleep(1s);
    served().transport.write("for the second");
    co_await sleep(1s);
    EXPECT_EQ(first->received, "for the first");
    EXPECT_EQ(second->received, "for the second");
    EXPECT_EQ(first->transport.get_protocol(), second);
    second->transport = first->transport;
    second->on_data = [&] {
      auto third = std::make_shared<Recorder>();
      second->transport.set_protocol(third);
      server_protocols.push_back(third);
    };
    served().transport.write("1234last");
    co_await sleep(1s);
    EXPECT_EQ(second->received, "for the second1234");
    EXPECT_EQ(served(1).received, "last");
    served(0).transport.close();
    served(1).transport = first->transport;
    co_await served(1).lost;
  }());
}

}  // namespace
}  // namespace asyncio
