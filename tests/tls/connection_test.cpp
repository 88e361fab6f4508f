// Streams over TLS, in a simulated world. The ids are CPython 3.15's.
#include <gmock/gmock.h>

#include "asyncio/sync/event.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
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
using ::testing::AllOf;
using testing::Cut;
using ::testing::ElementsAre;
using testing::Flow;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Segmentation;
using ::testing::SizeIs;

TEST_F(tls_connection, lines_go_there_and_back) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    const std::string answer = co_await ask(server, "hello\n");
    EXPECT_EQ(answer, "hello\n");
    server.close();
    co_await server.wait_closed();
  };
  run(main());
  EXPECT_LT(elapsed(), 1s) << "both sides said good-bye, so nobody waits for a deadline";
}

// Fault X8
TEST_F(tls_connection, it_does_not_matter_how_the_bytes_fall_apart) {
  for (const auto how : {Segmentation::bytes, Segmentation::random}) {
    network().set_segmentation(how);
    network().set_short_calls(3);
    auto main = [&]() -> Coro<> {
      Server server = co_await echo_server();
      const std::string line = std::string(50'000, 'x') + "\n";
      const std::string answer = co_await ask(server, line);
      EXPECT_EQ(answer, line);
    };
    run(main());
  }
}

TEST_F(tls_connection, megabytes_pass_both_ways_at_once_unharmed) {
  constexpr std::size_t kSize = 3'000'000;
  std::string data;
  for (std::size_t i = 0; data.size() < kSize; ++i) data += std::to_string(i) + ",";
  auto main = [&]() -> Coro<> {
    auto mirror = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      while (true) {
        std::string some = co_await reader.read(100'000);
        if (some.empty()) break;
        writer.write(some);
        co_await writer.drain();
      }
      writer.close();
    };
    Server server = co_await start_server(mirror, "127.0.0.1", 0, serving(ours));
    auto [reader, writer] = co_await connect(server);
    auto sending = create_task([](StreamWriter to, std::string all) -> Coro<> {
      to.writelines({std::string_view(all).substr(0, 10), std::string_view(all).substr(10, 30'000),
                     std::string_view(all).substr(30'010)});
      co_await to.drain();
    }(writer, data));
    const std::string back = co_await reader.readexactly(data.size());
    EXPECT_TRUE(back == data);
    co_await sending;
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
}

TEST_F(tls_connection, what_was_agreed_on_can_be_asked_for) {
  ours.set_alpn_protocols({"h2", "http/1.1"});
  theirs.set_alpn_protocols({"spdy", "http/1.1"});
  auto main = [&]() -> Coro<> {
    std::string seen_by_server;
    auto serve = [&](StreamReader, StreamWriter writer) {
      const SSLObject& tls = *writer.ssl_object();
      EXPECT_TRUE(tls.server_side());
      EXPECT_EQ(tls.server_hostname(), "example.test");
      EXPECT_FALSE(writer.peercert().has_value());
      seen_by_server = tls.selected_alpn_protocol();
    };
    Server server = co_await start_server(serve, "127.0.0.1", 0, serving(ours));
    auto [reader, writer] = co_await connect(server);
    const SSLObject& tls = *writer.ssl_object();
    EXPECT_EQ(tls.version(), "TLSv1.3");
    EXPECT_EQ(tls.selected_alpn_protocol(), "http/1.1");
    EXPECT_EQ(tls.server_hostname(), "example.test");
    EXPECT_FALSE(tls.server_side());
    EXPECT_FALSE(tls.session_reused());
    const SSLCipher cipher = writer.cipher().value();
    EXPECT_THAT(cipher.name, HasSubstr("TLS_"));
    EXPECT_EQ(cipher.protocol, "TLSv1.3");
    EXPECT_GE(cipher.secret_bits, 128);
    const SSLCertificate peer = writer.peercert().value();
    EXPECT_EQ(peer.subject, (SSLCertificate::Names{{"commonName", "example.test"}}));
    EXPECT_EQ(peer.issuer, (SSLCertificate::Names{{"commonName", "test root"}}));
    EXPECT_EQ(peer.subject_alt_name,
              (SSLCertificate::Names{
                  {"DNS", "example.test"}, {"DNS", "localhost"}, {"IP Address", "127.0.0.1"}}));
    EXPECT_THAT(peer.not_after, HasSubstr("GMT"));
    EXPECT_EQ(peer.version, 3);
    EXPECT_GT(tls.getpeercert_der().size(), 200U);
    EXPECT_EQ(writer.peername().to_string(), "127.0.0.1:" + std::to_string(port_of(server)));
    co_await reader.read();
    EXPECT_EQ(seen_by_server, "http/1.1");
  };
  run(main());
}

TEST_F(tls_connection, a_plain_one_has_no_tls_to_ask_about) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo_lines, "127.0.0.1", 0);
    auto [reader, writer] = co_await connect_in_clear(server);
    EXPECT_EQ(writer.ssl_object(), nullptr);
    EXPECT_FALSE(writer.peercert().has_value());
    EXPECT_FALSE(writer.cipher().has_value());
    EXPECT_TRUE(writer.can_write_eof());
  };
  run(main());
}

TEST_F(tls_connection, one_direction_alone_cannot_be_closed) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    auto [reader, writer] = co_await connect(server);
    EXPECT_FALSE(writer.can_write_eof());
    EXPECT_THROW(writer.write_eof(), RuntimeError);
    writer.write("still here\n");
    EXPECT_EQ(co_await reader.readline(), "still here\n");
  };
  run(main());
}

TEST_F(tls_connection, options_that_make_no_sense_are_refused_before_connecting) {
  auto mistake = [&](ConnectOptions options) -> Coro<std::string> {
    auto result = co_await try_(open_connection("127.0.0.1", 1, options));
    co_return text_of(result.exception());
  };
  auto main = [&]() -> Coro<> {
    EXPECT_THAT(co_await mistake({.server_hostname = "x"}),
                HasSubstr("server_hostname is only meaningful with ssl"));
    EXPECT_THAT(co_await mistake({.ssl_handshake_timeout = 1s}),
                HasSubstr("only meaningful with ssl"));
    EXPECT_THAT(co_await mistake({.ssl = &theirs, .ssl_handshake_timeout = 0s}),
                HasSubstr("ssl_handshake_timeout should be a positive number"));
    EXPECT_THAT(co_await mistake({.ssl = &theirs, .ssl_shutdown_timeout = -1s}),
                HasSubstr("ssl_shutdown_timeout should be a positive number"));
    ServerOptions options;
    options.ssl_handshake_timeout = 1s;
    auto result = co_await try_(start_server(echo_lines, "127.0.0.1", 0, options));
    EXPECT_THAT(text_of(result.exception()), HasSubstr("only meaningful with ssl"));
  };
  run(main());
  EXPECT_EQ(network().connections(), 0U);
}

// Rule 2.45
TEST_F(tls_connection, drain_waits_for_a_peer_that_does_not_read) {
  auto main = [&]() -> Coro<> {
    Event read_now;
    auto serve = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await read_now.wait();
      const std::string all = co_await reader.read();
      EXPECT_EQ(all.size(), 2'000'000U);
      writer.close();
    };
    Server server = co_await start_server(serve, "127.0.0.1", 0, serving(ours));
    auto [reader, writer] = co_await connect(server);
    writer.write(std::string(2'000'000, 'x'));
    EXPECT_GT(writer.get_write_buffer_size(), 512U * 1024);
    auto draining = create_task(writer.drain());
    co_await sleep(1s);
    EXPECT_FALSE(draining.done());
    read_now.set();
    co_await draining;
    EXPECT_LE(writer.get_write_buffer_size(), 128U * 1024);
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
}

// --- the handshake ------------------------------------------------------------------------------

class tls_handshake : public tls_connection {};

// Rule 2.59
// Fault X6
TEST_F(tls_handshake, one_that_stalls_ends_by_the_timeout_and_frees_the_descriptors) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    network().cut(0, Flow::to_server, 100, Cut::silence);
    ConnectOptions options = secure(theirs);
    options.ssl_handshake_timeout = 2s;
    auto result = co_await try_(open_connection("127.0.0.1", port_of(server), options));
    EXPECT_TRUE(base::exception_is<ConnectionAbortedError>(result.exception()));
    EXPECT_THAT(text_of(result.exception()),
                AllOf(HasSubstr("TLS handshake with example.test (127.0.0.1:"),
                      HasSubstr("taking longer than 2 s")));
    EXPECT_EQ(elapsed().count() / 1'000'000'000, 2);
    EXPECT_EQ(co_await ask(server, "others\n"), "others\n");
    server.close();
    co_await server.wait_closed();
    EXPECT_EQ(elapsed().count() / 1'000'000'000, 60) << "the server's own timeout";
  };
  run(main());
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("taking longer than 60 s")));
}

// Fault X6
// Fault S1
TEST_F(tls_handshake, cut_at_any_byte_it_fails_and_leaves_nothing_behind) {
  std::uint64_t sizes[2] = {0, 0};
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    ssl::SSLContext fresh = client_context();
    fresh.set_options(ssl::OP_NO_TICKET);
    {
      auto streams = co_await open_connection("127.0.0.1", port_of(server), secure(fresh));
      sizes[0] = network().bytes_sent(0, Flow::to_server);
      sizes[1] = network().bytes_sent(0, Flow::to_client);
    }
    std::size_t connection = 1;
    for (const Flow flow : {Flow::to_server, Flow::to_client}) {
      const std::uint64_t size = sizes[flow == Flow::to_client ? 1 : 0];
      for (std::uint64_t offset = 0; offset < size; ++offset, ++connection) {
        const Cut how = offset % 3 == 0 ? Cut::fin : offset % 3 == 1 ? Cut::reset : Cut::silence;
        network().cut(connection, flow, offset, how);
        Coro<StreamPair> connecting = open_connection("127.0.0.1", port_of(server), secure(fresh));
        auto result = co_await try_(std::move(connecting));
        // Its last bytes are the server's business: here all is well, as far as one can know.
        if (result.ok()) {
          StreamPair streams = std::move(result).value();
          auto answer = co_await try_(wait_for(streams.first.readline(), 100s));
          if (!answer.ok()) continue;
          EXPECT_EQ(answer.value(), "");
        }
      }
    }
    server.close();
    co_await server.wait_closed();
  };
  run(main());
  EXPECT_GT(sizes[0] + sizes[1], 1000U);
  take_logs();
}

// Rule 2.59
// CPython: test_sslproto::SslProtoHandshakeTests::test_close_during_handshake
TEST_F(tls_handshake, close_in_the_midst_of_one_breaks_it_off) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    auto [reader, writer] = co_await connect_in_clear(server);
    co_await sleep(1s);  // the server waits for a ClientHello
    server.close();
    server.close_clients();
    co_await server.wait_closed();
    EXPECT_EQ(co_await reader.read(), "");
  };
  run(main());
  EXPECT_LT(elapsed(), 2s);
}

TEST_F(tls_handshake, cancelled_at_any_turn_it_leaves_nothing_behind) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    bool finished = false;
    for (int turns = 0; !finished; ++turns) {
      auto task = create_task(connect(server));
      for (int i = 0; i < turns; ++i) co_await sleep(10us);
      finished = task.done();
      task.cancel();
      std::vector<Task<StreamPair>> tasks(1, task);
      co_await wait(tasks);
    }
    server.close();
    co_await server.wait_closed();
  };
  run(main());
  EXPECT_LT(elapsed(), 50s) << "nobody waited for a timeout";
  take_logs();
}

// Fault X7
TEST_F(tls_handshake, plain_http_on_a_tls_port_is_named) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    auto [reader, writer] = co_await connect_in_clear(server);
    writer.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    co_await reader.read();
    writer.close();
    EXPECT_EQ(co_await ask(server, "others\n"), "others\n");
  };
  run(main());
  EXPECT_THAT(take_logs(),
              ElementsAre(AllOf(HasSubstr("client 127.0.0.1:"), HasSubstr("[SSL: HTTP_REQUEST]"),
                                HasSubstr("it began with \"GET / HT\""))));
}

// Fault X7
TEST_F(tls_handshake, tls_on_a_plain_http_port_is_named) {
  auto main = [&]() -> Coro<> {
    auto plain = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await reader.read(10);
      writer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
      writer.close();
    };
    Server server = co_await start_server(plain, "127.0.0.1", 0);
    Coro<StreamPair> connecting = connect(server);
    auto result = co_await try_(std::move(connecting));
    EXPECT_TRUE(base::exception_is<ssl::SSLError>(result.exception()));
    EXPECT_THAT(text_of(result.exception()),
                AllOf(HasSubstr("[SSL: WRONG_VERSION_NUMBER]"), HasSubstr("\"HTTP/1.1\""),
                      HasSubstr("plain http://")));
  };
  run(main());
}

TEST_F(tls_handshake, a_server_that_hangs_up_is_named) {
  auto main = [&]() -> Coro<> {
    auto rude = [](StreamReader, StreamWriter) {};
    Server server = co_await start_server(rude, "127.0.0.1", 0);
    Coro<StreamPair> connecting = connect(server);
    auto result = co_await try_(std::move(connecting));
    EXPECT_TRUE(base::exception_is<ConnectionResetError>(result.exception()));
    EXPECT_THAT(text_of(result.exception()),
                HasSubstr("TLS handshake with 127.0.0.1:" + std::to_string(port_of(server)) +
                          ": connection reset by peer"));
  };
  run(main());
}

TEST_F(tls_handshake, failed_ones_are_logged_once_a_second_at_most) {
  auto main = [&]() -> Coro<> {
    Server server = co_await echo_server();
    for (int i = 0; i < 100; ++i) {
      auto [reader, writer] = co_await connect_in_clear(server);
      writer.write("nonsense nonsense\n");
      co_await reader.read();
    }
    co_await sleep(1s);
    auto [reader, writer] = co_await connect_in_clear(server);
    writer.write("nonsense nonsense\n");
    co_await reader.read();
  };
  run(main());
  EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("nonsense"), HasSubstr("(and 99 other failed")));
}

// --- the end ------------------------------------------------------------------------------------

class tls_end : public tls_connection {
 protected:
  // A server whose only client `handle` turns by hand.
  template <class F>
  Coro<Server> serve_by_hand(F handle) {
    return start_server(
        [this, handle](StreamReader reader, StreamWriter writer) -> Coro<> {
          HandPeer peer({reader, writer}, ours, /*server_side=*/true);
          const bool shaken = co_await peer.shake_hands();
          EXPECT_TRUE(shaken);
          co_await handle(peer);
        },
        "127.0.0.1", 0);
  }
};

// Fault X4
TEST_F(tls_end, an_end_without_farewell_is_an_error_after_what_came_before) {
  auto cut_off = [](HandPeer& peer) -> Coro<> {
    peer.send("whole line\nhalf a li");
    peer.writer().close();
    co_return;
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(cut_off);
    auto [reader, writer] = co_await connect(server);
    EXPECT_EQ(co_await reader.readline(), "whole line\n");
    auto rest = co_await try_(reader.read());
    EXPECT_TRUE(base::exception_is<ssl::SSLEOFError>(rest.exception()));
    EXPECT_THAT(text_of(rest.exception()), HasSubstr("EOF occurred in violation of protocol"));
    EXPECT_FALSE(reader.at_eof());
  };
  run(main());
}

// Fault X4
TEST_F(tls_end, who_asks_for_it_takes_an_end_without_farewell_for_an_end) {
  theirs.set_options(theirs.options() | ssl::OP_IGNORE_UNEXPECTED_EOF);
  auto cut_off = [](HandPeer& peer) -> Coro<> {
    peer.send("half a li");
    peer.writer().close();
    co_return;
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(cut_off);
    auto [reader, writer] = co_await connect(server);
    EXPECT_EQ(co_await reader.read(), "half a li");
    EXPECT_TRUE(reader.at_eof());
  };
  run(main());
}

// Rule 2.59
// Fault X5
TEST_F(tls_end, a_farewell_that_nobody_answers_ends_by_the_timeout) {
  auto silent = [](HandPeer&) -> Coro<> { co_await sleep(1h); };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(silent);
    ConnectOptions options = secure(theirs);
    options.ssl_shutdown_timeout = 3s;
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server), options);
    writer.close();
    auto closed = co_await try_(writer.wait_closed());
    EXPECT_TRUE(base::exception_is<TimeoutError>(closed.exception()));
    EXPECT_THAT(text_of(closed.exception()), HasSubstr("did not answer within 3 s"));
    EXPECT_EQ(elapsed().count() / 1'000'000'000, 3);
    EXPECT_EQ(writer.fileno(), -1);
  };
  run(main());
}

// Rule 2.59
// Fault X5
// CPython: test_ssl::TestSSL::test_shutdown_timeout_after_eof_from_not_reading_peer
TEST_F(tls_end, the_deadline_also_holds_for_a_peer_that_does_not_read) {
  auto silent = [](HandPeer&) -> Coro<> { co_await sleep(1h); };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(silent);
    auto [reader, writer] = co_await connect(server);
    writer.write(std::string(2'000'000, 'x'));
    writer.close();
    auto closed = co_await try_(writer.wait_closed());
    EXPECT_TRUE(base::exception_is<TimeoutError>(closed.exception()));
    EXPECT_EQ(elapsed().count() / 1'000'000'000, 30);
  };
  run(main());
}

// Rule 2.59
// CPython: test_ssl::TestSSL::test_flush_before_shutdown
TEST_F(tls_end, close_sends_what_is_buffered_and_then_its_farewell) {
  std::size_t received = 0;
  bool said_goodbye = false;
  auto slow = [&](HandPeer& peer) -> Coro<> {
    while (true) {
      std::string some = co_await peer.receive();
      if (some.empty()) break;
      received += some.size();
      co_await sleep(1ms);
    }
    said_goodbye = peer.layer().state() == detail::StreamLayer::State::ended;
    peer.say_goodbye();
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(slow);
    auto [reader, writer] = co_await connect(server);
    writer.write(std::string(2'000'000, 'x'));
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
  EXPECT_EQ(received, 2'000'000U);
  EXPECT_TRUE(said_goodbye);
}

// Rule 2.59
// CPython: test_ssl::TestSSL::test_remote_shutdown_receives_trailing_data
TEST_F(tls_end, what_is_unsent_when_the_peer_says_goodbye_still_arrives) {
  std::size_t received = 0;
  auto leaving = [&](HandPeer& peer) -> Coro<> {
    EXPECT_EQ(co_await peer.receive(), "ping");
    peer.send("pong");
    peer.say_goodbye();
    while (true) {
      std::string some = co_await peer.receive();
      if (some.empty()) break;
      received += some.size();
    }
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(leaving);
    auto [reader, writer] = co_await connect(server);
    writer.write("ping");
    EXPECT_EQ(co_await reader.readexactly(4), "pong");
    writer.write(std::string(1'000'000, 'x'));
    EXPECT_EQ(co_await reader.read(), "");
    EXPECT_TRUE(reader.at_eof());
    writer.write("and more");
    writer.close();
    co_await writer.wait_closed();
    co_await sleep(1s);  // it is still on its way
  };
  run(main());
  EXPECT_EQ(received, 1'000'008U);
  EXPECT_LT(elapsed(), 5s);
}

TEST_F(tls_end, abort_does_not_wait_for_anybody) {
  auto silent = [](HandPeer&) -> Coro<> { co_await sleep(1h); };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(silent);
    auto [reader, writer] = co_await connect(server);
    writer.write(std::string(2'000'000, 'x'));
    writer.close();
    writer.abort();
    co_await writer.wait_closed();
    EXPECT_LT(elapsed(), 1s);
  };
  run(main());
}

// Fault X3
TEST_F(tls_end, changed_bytes_are_an_error_and_the_peer_gets_the_alert) {
  std::string heard;
  auto forger = [&](HandPeer& peer) -> Coro<> {
    peer.send("genuine\n");
    std::string wire = peer.seal("forged\n");
    wire.back() = static_cast<char>(wire.back() ^ 1);
    peer.writer().write(wire);
    co_await peer.receive();
    heard = text_of(peer.layer().error());
  };
  for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
    theirs.set_maximum_version(version);
    auto main = [&]() -> Coro<> {
      Server server = co_await serve_by_hand(forger);
      auto [reader, writer] = co_await connect(server);
      EXPECT_EQ(co_await reader.readline(), "genuine\n");
      auto forged = co_await try_(reader.readline());
      EXPECT_THAT(text_of(forged.exception()),
                  HasSubstr("[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]"));
      EXPECT_TRUE(writer.is_closing());
      auto drained = co_await try_(writer.drain());
      EXPECT_FALSE(drained.ok());
      writer.close();
      auto closed = co_await try_(writer.wait_closed());
      EXPECT_FALSE(closed.ok());
      co_await sleep(1s);
    };
    run(main());
    EXPECT_THAT(heard, HasSubstr("ALERT_BAD_RECORD_MAC"));
  }
}

// Fault X3
TEST_F(tls_end, the_alert_arrives_although_the_buffers_are_full) {
  std::string heard;
  auto forger = [&](HandPeer& peer) -> Coro<> {
    peer.writer().write(std::string("\x17\x03\x03\x00\x05wrong", 10));
    co_await sleep(1s);  // and does not read meanwhile
    while (true) {
      std::string some = co_await peer.receive();
      if (some.empty()) break;
    }
    heard = text_of(peer.layer().error());
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await serve_by_hand(forger);
    auto [reader, writer] = co_await connect(server);
    writer.write(std::string(1'000'000, 'x'));
    auto forged = co_await try_(reader.readline());
    EXPECT_FALSE(forged.ok());
    writer.close();
    auto closed = co_await try_(writer.wait_closed());
    EXPECT_FALSE(closed.ok());
    co_await sleep(1s);
  };
  run(main());
  EXPECT_THAT(heard, HasSubstr("ALERT_BAD_RECORD_MAC"));
}

}  // namespace
}  // namespace asyncio
