// StreamWriter::start_tls: from clear text to TLS on one connection. The ids are CPython 3.15's.
#include <gmock/gmock.h>

#include "asyncio/task/gather.hpp"
#include "tls/hand_peer.hpp"
#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::client_context;
using test::echo_lines;
using test::HandPeer;
using test::server_context;
using test::text_of;
using test::tls_connection;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class start_tls : public tls_connection {
 protected:
  // Answers one line in clear, then goes on over TLS.
  auto upgrading() {
    return [this](StreamReader reader, StreamWriter writer) -> Coro<> {
      std::string line = co_await reader.readline();
      EXPECT_EQ(line, "STARTTLS\n");
      writer.write("go ahead\n");
      auto upgraded = co_await try_(writer.start_tls(ours));
      if (!upgraded.ok()) {
        failure = text_of(upgraded.exception());
        co_return;
      }
      co_await echo_lines(reader, writer);
    };
  }

  std::string failure;
};

// CPython: test_streams::StreamTests::test_start_tls
TEST_F(start_tls, what_began_in_clear_goes_on_protected) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(upgrading(), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    writer.write("STARTTLS\n");
    EXPECT_EQ(co_await reader.readline(), "go ahead\n");
    EXPECT_EQ(writer.ssl_object(), nullptr);
    co_await writer.start_tls(theirs, {.server_hostname = "example.test"});
    EXPECT_EQ(writer.ssl_object()->version(), "TLSv1.3");
    writer.write("secret\n");
    EXPECT_EQ(co_await reader.readline(), "secret\n");
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
  EXPECT_EQ(failure, "");
}

// Rule 2.59
// CPython: test_streams::StreamTests::test_start_tls_buffered_data
TEST_F(start_tls, a_client_may_begin_its_handshake_before_the_answer) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(upgrading(), "127.0.0.1", 0);
    Coro<StreamPair> connecting = open_connection("127.0.0.1", port_of(server));
    HandPeer peer(co_await std::move(connecting), theirs, false, "example.test");
    std::string hello;
    std::vector<std::byte> none(detail::kLayerSlack);
    peer.layer().receive({}, none, hello);
    peer.writer().write("STARTTLS\n" + hello);  // in one segment
    EXPECT_EQ(co_await peer.reader().readline(), "go ahead\n");
    const bool shaken = co_await peer.shake_hands();
    EXPECT_TRUE(shaken);
    peer.send("secret\n");
    EXPECT_EQ(co_await peer.receive(), "secret\n");
    peer.say_goodbye();
    EXPECT_EQ(co_await peer.receive(), "");
  };
  run(main());
  EXPECT_EQ(failure, "");
}

// Fault X13
TEST_F(start_tls, what_was_slipped_in_before_the_handshake_is_discarded_with_an_error) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(upgrading(), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    writer.write("STARTTLS\nDELETE EVERYTHING\n");
    EXPECT_EQ(co_await reader.readline(), "go ahead\n");
    EXPECT_EQ(co_await reader.read(), "");
    EXPECT_THAT(failure, HasSubstr("18 bytes that came in clear before the handshake"));

    auto injecting = [](StreamReader to, StreamWriter from) -> Coro<> {
      co_await to.readline();
      from.write("go ahead\nand believe this\n");
      co_await to.read();
    };
    Server attacker = co_await start_server(injecting, "127.0.0.1", 0);
    auto [in, out] = co_await open_connection("127.0.0.1", port_of(attacker));
    out.write("STARTTLS\n");
    EXPECT_EQ(co_await in.readline(), "go ahead\n");
    auto upgraded = co_await try_(out.start_tls(theirs, {.server_hostname = "example.test"}));
    EXPECT_TRUE(base::exception_is<ConnectionAbortedError>(upgraded.exception()));
    EXPECT_TRUE(out.is_closing());
    EXPECT_EQ(in.buffered(), "");
  };
  run(main());
}

TEST_F(start_tls, when_it_fails_the_connection_is_closed) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(upgrading(), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    writer.write("STARTTLS\n");
    co_await reader.readline();
    auto upgraded = co_await try_(writer.start_tls(theirs, {.server_hostname = "other.test"}));
    EXPECT_TRUE(base::exception_is<ssl::SSLCertVerificationError>(upgraded.exception()));
    EXPECT_TRUE(writer.is_closing());
    auto closed = co_await try_(writer.wait_closed());
    EXPECT_FALSE(closed.ok());
    EXPECT_EQ(writer.fileno(), -1);
    co_await sleep(1s);
  };
  run(main());
  EXPECT_THAT(failure, HasSubstr("ALERT"));
}

TEST_F(start_tls, mistakes_are_refused) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server), secure(theirs));
    auto again = co_await try_(writer.start_tls(theirs, {.server_hostname = "example.test"}));
    EXPECT_THAT(text_of(again.exception()), HasSubstr("uses TLS already"));
    writer.write("still here\n");
    EXPECT_EQ(co_await reader.readline(), "still here\n");

    Server plain = co_await start_server(echo_lines, "127.0.0.1", 0);
    auto [in, out] = co_await open_connection("127.0.0.1", port_of(plain));
    auto nameless = co_await try_(out.start_tls(theirs));
    EXPECT_TRUE(base::exception_is<ValueError>(nameless.exception()));
    EXPECT_THAT(text_of(nameless.exception()),
                HasSubstr("check_hostname requires server_hostname"));
    auto closed = co_await try_(out.start_tls(theirs, {.server_hostname = "example.test"}));
    EXPECT_TRUE(base::exception_is<ConnectionResetError>(closed.exception()));
    auto [in2, out2] = co_await open_connection("127.0.0.1", port_of(plain));
    auto wrong_side = co_await try_(out2.start_tls(ours));
    EXPECT_THAT(text_of(wrong_side.exception()), HasSubstr("cannot be a client's"));
  };
  run(main());
}

TEST_F(start_tls, a_read_and_writes_that_wait_meanwhile_go_on_protected) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(upgrading(), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    writer.write("STARTTLS\n");
    co_await reader.readline();
    auto reading = create_task(reader.readline());
    co_await sleep(0s);
    auto upgrading_now = create_task(writer.start_tls(theirs, {.server_hostname = "example.test"}));
    co_await sleep(0s);
    writer.write("early ");
    co_await upgrading_now;
    writer.write("and late\n");
    EXPECT_EQ(co_await reading, "early and late\n");
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
