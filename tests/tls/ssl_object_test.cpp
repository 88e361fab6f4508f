// TLS by hand between two MemoryBIOs. After MemoryBIOTests and SSLObjectTests of CPython's
// test_ssl.
#include <gmock/gmock.h>

#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using ssl::MemoryBIO;
using ssl::SSLEOFError;
using ssl::SSLWantReadError;
using ssl::SSLZeroReturnError;
using ::testing::HasSubstr;

TEST(memory_bio, gives_what_was_written) {
  MemoryBIO bio;
  EXPECT_EQ(bio.write("foo"), 3U);
  EXPECT_EQ(bio.read(), "foo");
  EXPECT_EQ(bio.read(), "");
  bio.write("foo");
  bio.write("bar");
  EXPECT_EQ(bio.read(), "foobar");
  bio.write("baz");
  EXPECT_EQ(bio.read(2), "ba");
  EXPECT_EQ(bio.read(1), "z");
  EXPECT_EQ(bio.read(1), "");
}

TEST(memory_bio, is_at_its_end_when_all_is_read_and_nothing_more_will_come) {
  MemoryBIO bio;
  EXPECT_FALSE(bio.eof());
  EXPECT_EQ(bio.read(), "");
  EXPECT_FALSE(bio.eof());
  bio.write("foo");
  bio.write_eof();
  EXPECT_FALSE(bio.eof());
  EXPECT_EQ(bio.read(2), "fo");
  EXPECT_FALSE(bio.eof());
  EXPECT_EQ(bio.read(1), "o");
  EXPECT_TRUE(bio.eof());
  EXPECT_EQ(bio.read(), "");
  EXPECT_THROW(bio.write("more"), ssl::SSLError);
}

TEST(memory_bio, counts_what_waits) {
  MemoryBIO bio;
  EXPECT_EQ(bio.pending(), 0U);
  bio.write("foo");
  EXPECT_EQ(bio.pending(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    bio.read(1);
    EXPECT_EQ(bio.pending(), 2 - i);
  }
  MemoryBIO same = bio;
  same.write("foo");
  EXPECT_EQ(bio.pending(), 3U);
}

class ssl_object : public ::testing::Test {
 protected:
  // Says whether it got through; else it waits for the other side.
  template <class F>
  static bool tried(F step) {
    try {
      step();
      return true;
    } catch (const SSLWantReadError&) {
      return false;
    }
  }
  void shake_hands() {
    for (bool done = false; !done;) {
      const bool one = tried([&] { client.do_handshake(); });
      const bool other = tried([&] { server.do_handshake(); });
      done = one && other;
    }
  }

  ssl::SSLContext ours = test::server_context();
  ssl::SSLContext theirs = test::client_context();
  MemoryBIO to_server;
  MemoryBIO to_client;
  ssl::SSLObject client =
      theirs.wrap_bio(to_client, to_server, {.server_hostname = "example.test"});
  ssl::SSLObject server = ours.wrap_bio(to_server, to_client, {.server_side = true});
};

TEST_F(ssl_object, shakes_hands_in_steps) {
  EXPECT_EQ(client.version(), "");
  EXPECT_FALSE(client.cipher().has_value());
  EXPECT_THROW(client.do_handshake(), SSLWantReadError);
  EXPECT_GT(to_server.pending(), 100U);
  EXPECT_THROW(client.read(), SSLWantReadError);
  EXPECT_THROW(client.write("too early"), SSLWantReadError);
  shake_hands();
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_TRUE(client.cipher().has_value());
  EXPECT_EQ(client.getpeercert().value().subject.front().second, "example.test");
  EXPECT_FALSE(server.getpeercert().has_value());
  EXPECT_EQ(server.server_hostname(), "example.test");
  EXPECT_TRUE(server.server_side());
  EXPECT_FALSE(client.server_side());
  EXPECT_FALSE(client.session_reused());
  EXPECT_EQ(client.selected_alpn_protocol(), "");
  EXPECT_FALSE(client.getpeercert_der().empty());
}

TEST_F(ssl_object, passes_bytes_and_says_goodbye) {
  shake_hands();
  EXPECT_EQ(client.write("FOO\n"), 4U);
  EXPECT_EQ(server.pending(), 0U);
  EXPECT_EQ(server.read(2), "FO");
  EXPECT_EQ(server.pending(), 2U);
  EXPECT_EQ(server.read(), "O\n");
  EXPECT_THROW(server.read(), SSLWantReadError);
  const std::string large(300'000, 'x');
  EXPECT_EQ(server.write(large), large.size());
  EXPECT_EQ(client.read(large.size()), large);

  EXPECT_THROW(client.unwrap(), SSLWantReadError);
  EXPECT_EQ(server.read(), "") << "the end";
  server.unwrap();
  client.unwrap();
  EXPECT_THROW(client.read(), SSLZeroReturnError);
  EXPECT_THROW(client.write("too late"), SSLZeroReturnError);
}

TEST_F(ssl_object, tells_an_end_without_farewell_behind_what_came_before_it) {
  shake_hands();
  server.write("half");
  to_client.write_eof();
  EXPECT_EQ(client.read(), "half");
  EXPECT_THROW(client.read(), SSLEOFError);
  EXPECT_THROW(client.unwrap(), SSLEOFError);
}

TEST_F(ssl_object, ends_when_its_input_does_in_the_handshake) {
  to_client.write_eof();
  EXPECT_THROW(client.do_handshake(), ConnectionResetError);
}

TEST_F(ssl_object, refuses_what_is_no_tls_and_tells_the_peer_why) {
  EXPECT_THROW(client.do_handshake(), SSLWantReadError);
  to_server.read();
  to_client.write(std::string("\x15\x03\x03\x00\x02\x02\x28", 7));
  try {
    client.do_handshake();
    FAIL() << "an alert is no handshake";
  } catch (const ssl::SSLError& error) {
    EXPECT_THAT(error.what(), HasSubstr("TLS handshake with example.test: [SSL: "));
  }
  EXPECT_THROW(client.write("?"), ssl::SSLError);
}

TEST_F(ssl_object, needs_a_name_where_names_are_checked_and_takes_none_as_a_server) {
  EXPECT_THROW((void)theirs.wrap_bio({}, {}), ValueError);
  EXPECT_THROW((void)ours.wrap_bio({}, {}, {.server_side = true, .server_hostname = "x"}),
               ValueError);
  EXPECT_THROW((void)ours.wrap_bio({}, {}, {.server_hostname = "x"}), ssl::SSLError);
}

}  // namespace
}  // namespace asyncio
