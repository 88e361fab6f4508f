// What no peer of good will sends, to a server and to a client: it is refused, with an alert where
// TLS has one, nobody hangs, and others are served.
#include <gmock/gmock.h>

#include "asyncio/sync/event.hpp"
#include "asyncio/task/timeouts.hpp"
#include "tls/raw_peer.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::HandSealer;
using test::RawPeer;
using test::text_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Side = RawPeer::Side;

class tls_hostile : public test::tls_connection {
 protected:
  // A server that notes what its clients send, and what they fail with.
  Coro<Server> listening_server() {
    return start_server(
        [this](StreamReader reader, StreamWriter writer) -> Coro<> {
          while (true) {
            auto some = co_await try_(reader.read(64 * 1024));
            if (!some.ok()) failure = text_of(some.exception());
            if (!some.ok() || some.value().empty()) break;
            heard += some.value();
            if (heard.ends_with('\n')) writer.write("got it\n");
          }
          writer.close();
        },
        "127.0.0.1", 0, serving(ours));
  }
  // A client that is OpenSSL alone.
  static Coro<std::unique_ptr<RawPeer>> raw_client(Server server, int version) {
    StreamPair streams = co_await connect_in_clear(server);
    co_return std::make_unique<RawPeer>(std::move(streams), Side::client, version);
  }
  // Whose handshake is done.
  static Coro<std::unique_ptr<RawPeer>> secured_client(Server server, int version) {
    auto peer = co_await raw_client(server, version);
    const bool shaken = co_await peer->shake_hands();
    EXPECT_TRUE(shaken);
    co_return std::move(peer);
  }
  // A server that is, and does this with each of its clients.
  template <class F>
  static Coro<Server> raw_server(int version, F handle) {
    return start_server(
        [version, handle](StreamReader reader, StreamWriter writer) -> Coro<> {
          RawPeer peer({reader, writer}, Side::server, version);
          co_await handle(peer);
          writer.close();
        },
        "127.0.0.1", 0);
  }
  // All that the peer sends until it hangs up. No patience without end: that would be the defect.
  static Coro<> until_it_hangs_up(RawPeer& peer) {
    bool more = true;
    while (more) more = co_await wait_for(peer.pull(), 5s);
  }

  std::string heard;
  std::string failure;
};

// --- records ------------------------------------------------------------------------------------

// Fault X8
TEST_F(tls_hostile, records_of_one_byte_and_empty_ones_between_are_as_good_as_others) {
  auto main = [&]() -> Coro<> {
    Server server = co_await listening_server();
    const auto peer = co_await secured_client(server, TLS1_3_VERSION);
    HandSealer sealer = peer->sealer();
    const std::string line = std::string(5'000, 'x') + "\n";
    for (const char c : line) {
      peer->writer().write(sealer.seal("", HandSealer::kData));
      peer->writer().write(sealer.seal({&c, 1}, HandSealer::kData));
    }
    EXPECT_EQ(co_await peer->read(), "got it\n");
    EXPECT_EQ(heard, line);
    peer->writer().close();
  };
  run(main());
}

// Fault X8
TEST_F(tls_hostile, a_flood_of_empty_records_is_an_error) {
  auto main = [&]() -> Coro<> {
    Server server = co_await listening_server();
    const auto peer = co_await secured_client(server, TLS1_3_VERSION);
    HandSealer sealer = peer->sealer();
    std::string flood;
    for (int i = 0; i < 100'000; ++i) flood += sealer.seal("", HandSealer::kData);
    peer->writer().write(flood);
    const std::string answer = co_await wait_for(peer->read(), 5s);
    EXPECT_THAT(peer->failure(), HasSubstr("alert"));
    EXPECT_THAT(failure, HasSubstr("SSLError: TLS with 127.0.0.1:"));
    EXPECT_EQ(co_await ask(server, "others\n"), "got it\n");
  };
  run(main());
}

// --- key updates --------------------------------------------------------------------------------

// Fault X8
TEST_F(tls_hostile, key_updates_now_and_then_are_followed_and_answered) {
  auto main = [&]() -> Coro<> {
    Server server = co_await listening_server();
    const auto peer = co_await secured_client(server, TLS1_3_VERSION);
    for (int i = 0; i < 3'000; ++i) {
      SSL_key_update(peer->ssl(),
                     i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_write(peer->ssl(), "x\n", 2);
      co_await peer->flush();
      EXPECT_EQ(co_await peer->read(), "got it\n");
    }
    EXPECT_THAT(heard, SizeIs(6'000));
    peer->writer().close();
  };
  run(main());
}

// Fault X8
TEST_F(tls_hostile, a_flood_of_key_updates_is_an_error) {
  for (const int kind : {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED}) {
    SCOPED_TRACE(kind);
    auto main = [&]() -> Coro<> {
      Server server = co_await listening_server();
      const auto peer = co_await secured_client(server, TLS1_3_VERSION);
      for (int i = 0; i < 10'000; ++i) {
        SSL_key_update(peer->ssl(), kind);
        SSL_do_handshake(peer->ssl());
      }
      peer->writer().write(peer->take_out());
      co_await until_it_hangs_up(*peer);
      EXPECT_THAT(failure, AllOf(HasSubstr("SSLError: TLS with 127.0.0.1:"),
                                 HasSubstr("too many key updates")));
      EXPECT_EQ(co_await ask(server, "others\n"), "got it\n");
    };
    run(main());
  }
}

// Fault X8
TEST_F(tls_hostile, answers_that_the_peer_does_not_read_do_not_pile_up) {
  network().set_buffer(16 * 1024);
  auto main = [&]() -> Coro<> {
    Server server = co_await listening_server();
    const auto peer = co_await secured_client(server, TLS1_3_VERSION);
    for (int i = 0; i < 20'000 && failure.empty(); ++i) {
      SSL_key_update(peer->ssl(), SSL_KEY_UPDATE_REQUESTED);
      SSL_write(peer->ssl(), "x", 1);
      auto sent = co_await try_(wait_for(peer->flush(), 5s));
      if (!sent.ok()) break;
    }
    co_await sleep(1s);
    EXPECT_THAT(failure, HasSubstr("key updates"));
    peer->writer().abort();
    EXPECT_EQ(co_await ask(server, "others\n"), "got it\n");
  };
  run(main());
}

// Fault X8
TEST_F(tls_hostile, a_flood_of_session_tickets_is_an_error_for_the_client) {
  auto flood = [](RawPeer& peer) -> Coro<> {
    const bool shaken = co_await peer.shake_hands();
    EXPECT_TRUE(shaken);
    for (int i = 0; i < 2'000; ++i) {
      SSL_new_session_ticket(peer.ssl());
      SSL_do_handshake(peer.ssl());
    }
    peer.writer().write(peer.take_out());
    co_await until_it_hangs_up(peer);
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await raw_server(TLS1_3_VERSION, flood);
    auto [reader, writer] = co_await connect(server);
    auto some = co_await try_(wait_for(reader.read(), 5s));
    EXPECT_THAT(text_of(some.exception()), HasSubstr("without a byte of data"));
    writer.close();
  };
  run(main());
}

// --- what does not belong there -----------------------------------------------------------------

// Fault X9
TEST_F(tls_hostile, a_client_that_renegotiates_gets_an_alert) {
  auto main = [&]() -> Coro<> {
    Server server = co_await listening_server();
    const auto peer = co_await secured_client(server, TLS1_2_VERSION);
    SSL_renegotiate(peer->ssl());
    const bool again = co_await wait_for(peer->shake_hands(), 5s);
    EXPECT_FALSE(again);
    EXPECT_EQ(peer->failure(), "no renegotiation");
    peer->writer().close();
    EXPECT_EQ(co_await ask(server, "others\n"), "got it\n");
  };
  run(main());
}

// Fault X9
TEST_F(tls_hostile, a_server_that_renegotiates_gets_an_alert) {
  std::string told;
  auto again = [&](RawPeer& peer) -> Coro<> {
    const bool shaken = co_await peer.shake_hands();
    EXPECT_TRUE(shaken);
    SSL_renegotiate(peer.ssl());
    SSL_do_handshake(peer.ssl());
    co_await peer.flush();
    SSL_do_handshake(peer.ssl());
    const std::string nothing = co_await peer.read();
    told = peer.failure();
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await raw_server(TLS1_2_VERSION, again);
    auto [reader, writer] = co_await connect(server);
    auto some = co_await try_(wait_for(reader.read(), 5s));
    EXPECT_FALSE(base::exception_is<TimeoutError>(some.exception()));
    writer.close();
  };
  run(main());
  EXPECT_EQ(told, "no renegotiation");
}

// Fault X9
TEST_F(tls_hostile, what_a_client_says_twice_is_refused_with_an_alert) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const int flight : {0, 1}) {
      SCOPED_TRACE(::testing::Message() << "version " << version << ", flight " << flight);
      auto main = [&]() -> Coro<> {
        Server server = co_await listening_server();
        const auto peer = co_await raw_client(server, version);
        const bool shaken = co_await wait_for(peer->shake_hands(flight), 5s);
        const std::string nothing = co_await wait_for(peer->read(), 5s);
        // Before keys are agreed on OpenSSL, as a client of TLS 1.2, cannot read that.
        const bool unreadable = version == TLS1_2_VERSION && flight == 0;
        EXPECT_THAT(peer->failure(), HasSubstr(unreadable ? "wrong version number" : "alert"));
        EXPECT_TRUE(shaken || version == TLS1_2_VERSION);
        peer->writer().close();
        EXPECT_EQ(co_await ask(server, "others\n"), "got it\n");
      };
      run(main());
      take_logs();
    }
  }
}

// Fault X9
TEST_F(tls_hostile, what_a_server_says_twice_is_refused_with_an_alert) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SCOPED_TRACE(version);
    std::string told;
    auto twice = [&](RawPeer& peer) -> Coro<> {
      const bool shaken = co_await peer.shake_hands(0);
      (void)shaken;
      const std::string nothing = co_await peer.read();
      told = peer.failure();
    };
    auto main = [&]() -> Coro<> {
      Server server = co_await raw_server(version, twice);
      auto asked = co_await try_(wait_for(ask(server, "?"), 5s));
      EXPECT_TRUE(base::exception_is<ssl::SSLError>(asked.exception()))
          << text_of(asked.exception());
      co_await sleep(1s);
      EXPECT_THAT(told, HasSubstr("alert"));
    };
    run(main());
  }
}

// Fault X9
TEST_F(tls_hostile, a_handshake_message_after_the_handshake_is_refused_with_an_alert) {
  // Kinds of messages: of a ClientHello, a certificate, the end of the handshake, none that exists.
  for (const char kind : {'\x01', '\x0b', '\x14', '\x63'}) {
    SCOPED_TRACE(static_cast<int>(kind));
    auto main = [&]() -> Coro<> {
      Server server = co_await listening_server();
      const auto peer = co_await secured_client(server, TLS1_3_VERSION);
      HandSealer sealer = peer->sealer();
      const std::string message{kind, '\0', '\0', '\x04', 'a', 'b', 'c', 'd'};
      peer->writer().write(sealer.seal(message, HandSealer::kHandshake));
      const std::string nothing = co_await wait_for(peer->read(), 5s);
      EXPECT_THAT(peer->failure(), HasSubstr("alert"));
      EXPECT_THAT(failure, HasSubstr("SSLError: TLS with "));
    };
    run(main());
  }
}

// Fault X9
TEST_F(tls_hostile, versions_of_yesterday_are_refused_with_an_alert) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    SCOPED_TRACE(version);
    auto main = [&]() -> Coro<> {
      Server server = co_await listening_server();
      const auto peer = co_await raw_client(server, version);
      const bool shaken = co_await wait_for(peer->shake_hands(), 5s);
      EXPECT_FALSE(shaken);
      EXPECT_EQ(peer->failure(), "tlsv1 alert protocol version");
      peer->writer().close();
    };
    run(main());
    EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("[SSL: UNSUPPORTED_PROTOCOL]")));
  }
}

// Fault X8
// Fault X9
// Fault X11
TEST_F(tls_hostile, nonsense_gets_an_alert_and_others_are_served) {
  std::string many_empty;
  for (int i = 0; i < 100'000; ++i) many_empty += std::string("\x16\x03\x01\x00\x00", 5);
  constexpr int kNone = -1;  // OpenSSL has no word for what does not look like TLS at all
  const struct {
    std::string bytes;
    int alert;
  } cases[] = {
      {std::string("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03", 18) +
           std::string(30, 'x'),
       SSL_AD_PROTOCOL_VERSION},                                                      // SSL 2
      {std::string("\x16\x03\x00\x00\x04\x01\x00\x00\x00", 9), SSL_AD_DECODE_ERROR},  // empty hello
      {std::string("\x16\x09\x09\x00\x04\x01\x00\x00\x00", 9), kNone},                // version 9.9
      {std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x'), SSL_AD_RECORD_OVERFLOW},
      {std::string("\x17\x03\x03\x00\x05hello", 10), SSL_AD_UNEXPECTED_MESSAGE},  // data first
      {std::string("\x14\x03\x03\x00\x01\x01", 6),
       SSL_AD_UNEXPECTED_MESSAGE},  // change_cipher_spec
      {std::string("\x15\x03\x01\x00\x02\x02\x28", 7), SSL_AD_UNEXPECTED_MESSAGE},  // an alert
      {std::string("\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9), SSL_AD_UNEXPECTED_MESSAGE},
      {many_empty, SSL_AD_UNEXPECTED_MESSAGE},
      {std::string(100'000, '\0'), kNone},
  };
  auto main = [&]() -> Coro<> {
    Server server = co_await listening_server();
    int number = 0;
    for (const auto& [bytes, alert] : cases) {
      SCOPED_TRACE(++number);
      auto [reader, writer] = co_await connect_in_clear(server);
      writer.write(bytes);
      auto answer = co_await try_(wait_for(reader.read(), 5s));
      const std::string said = answer.ok() ? answer.value() : text_of(answer.exception());
      if (alert == kNone) {
        EXPECT_THAT(said, IsEmpty());
      } else {
        // A record of kind alert, of two bytes: fatal, and which.
        EXPECT_EQ(said.size(), 7U) << said;
        EXPECT_EQ(said.front(), '\x15');
        EXPECT_EQ(said.back(), static_cast<char>(alert));
      }
      writer.close();
      auto closed = co_await try_(writer.wait_closed());
      EXPECT_EQ(writer.fileno(), -1);
      EXPECT_EQ(co_await ask(server, "others\n"), "got it\n");
      co_await sleep(2s);
      EXPECT_THAT(take_logs(), SizeIs(1));
    }
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
