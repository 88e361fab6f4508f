#include "http/http1_parser.hpp"

#include <gtest/gtest.h>

#include "http/head_scan.hpp"
#include "http/parser_harness.hpp"

namespace asyncio::http {
namespace {

using Event = Http1Parser::Event;
using Kind = ParseErrorKind;

const std::string kPage = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Http1Parser, gives_head_body_and_end_one_after_another) {
  Http1Parser parser(client_limits());
  parser.start_response("GET");
  EXPECT_FALSE(parser.started());
  std::string_view bytes = kPage;
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_TRUE(parser.started());
  EXPECT_EQ(bytes, "hello");
  EXPECT_EQ(parser.response().status, 200);
  EXPECT_EQ(parser.response().reason, "OK");
  EXPECT_EQ(parser.response().version, HttpVersion11);
  EXPECT_EQ(parser.content_length(), 5U);
  EXPECT_TRUE(parser.has_body());
  EXPECT_FALSE(parser.chunked());
  EXPECT_TRUE(parser.keep_alive());
  ASSERT_EQ(parser.next(bytes), Event::body);
  EXPECT_EQ(parser.body(), "hello");
  EXPECT_EQ(parser.body().data(), kPage.data() + kPage.size() - 5) << "a view, not a copy";
  EXPECT_EQ(parser.next(bytes), Event::complete);
  EXPECT_EQ(parser.next(bytes), Event::complete);
  EXPECT_EQ(parser.eof(), Event::complete);
}

TEST(Http1Parser, uses_all_bytes_before_it_needs_more) {
  Http1Parser parser(client_limits());
  parser.start_response("GET");
  std::string_view bytes = std::string_view(kPage).substr(0, 20);
  EXPECT_EQ(parser.next(bytes), Event::need_more);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(parser.next(bytes), Event::need_more);
}

TEST(Http1Parser, leaves_the_bytes_of_the_next_message) {
  Http1Parser parser(server_limits());
  parser.start_request();
  const std::string one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string all = one + one;
  std::string_view bytes = all;
  ASSERT_EQ(parser.next(bytes), Event::head);
  ASSERT_EQ(parser.next(bytes), Event::complete);
  EXPECT_EQ(bytes, one);
  EXPECT_EQ(parser.next(bytes), Event::complete) << "until start_request()";
  EXPECT_EQ(bytes, one);
  parser.start_request();
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_EQ(parser.request().target, "/1");
}

TEST(Http1Parser, moves_the_head_out) {
  Http1Parser parser(client_limits());
  for (int i = 0; i < 3; ++i) {
    parser.start_response("GET");
    std::string_view bytes = kPage;
    ASSERT_EQ(parser.next(bytes), Event::head);
    const ResponseHead head = parser.take_response();
    EXPECT_EQ(head.headers, (Headers{{"Content-Length", "5"}}));
    EXPECT_TRUE(head.headers.unchecked());
    ASSERT_EQ(parser.next(bytes), Event::body);
    ASSERT_EQ(parser.next(bytes), Event::complete);
  }
}

TEST(Http1Parser, leaves_what_follows_an_upgrade_to_the_other_protocol) {
  Http1Parser parser(client_limits());
  parser.start_response("GET", true);
  std::string_view bytes =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n\x81\x01x";
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_TRUE(parser.upgrade());
  EXPECT_FALSE(parser.keep_alive());
  ASSERT_EQ(parser.next(bytes), Event::complete);
  EXPECT_EQ(bytes, "\x81\x01x");
}

TEST(Http1Parser, tells_a_server_who_wants_an_upgrade_and_who_waits_for_100) {
  Http1Parser parser(server_limits());
  parser.start_request();
  std::string_view bytes =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_TRUE(parser.upgrade());
  EXPECT_FALSE(parser.expects_continue());
  parser.start_request();
  bytes = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n";
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_FALSE(parser.upgrade());
  parser.start_request();
  bytes = "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_FALSE(parser.expects_continue());
}

TEST(Http1Parser, gives_trailers_apart_from_the_head) {
  Http1Parser parser(client_limits());
  parser.start_response("GET");
  std::string_view bytes =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDigest: y\r\n\r\n";
  ASSERT_EQ(parser.next(bytes), Event::head);
  EXPECT_TRUE(parser.chunked());
  EXPECT_EQ(parser.content_length(), std::nullopt);
  ASSERT_EQ(parser.next(bytes), Event::body);
  ASSERT_EQ(parser.next(bytes), Event::complete);
  EXPECT_EQ(parser.trailers(), (Headers{{"Digest", "y"}}));
  EXPECT_EQ(parser.response().headers.size(), 1U);
}

TEST(Http1Parser, says_where_and_what_the_offence_is) {
  Http1Parser parser(server_limits());
  parser.start_request();
  std::string_view bytes = "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n";
  ASSERT_EQ(parser.next(bytes), Event::error);
  EXPECT_EQ(parser.error().kind, Kind::bad_field);
  EXPECT_EQ(parser.error().offset, 25U);
  EXPECT_EQ(parser.error().status, 400);
  EXPECT_EQ(parser.error().message, "bad header at byte 25: \"X Y: z\\r\\n\"");
  EXPECT_THROW(parser.raise(), InvalidHeader);
  EXPECT_EQ(parser.next(bytes), Event::error);
  EXPECT_EQ(parser.eof(), Event::error);
  EXPECT_FALSE(parser.keep_alive());
}

TEST(Http1Parser, names_the_mistake_of_https_sent_to_http) {
  Http1Parser parser(server_limits());
  parser.start_request();
  std::string_view bytes = "\x16\x03\x01";
  ASSERT_EQ(parser.next(bytes), Event::error);
  EXPECT_NE(parser.error().message.find("https:// sent to a port for http://"), std::string::npos);
}

TEST(Http1Parser, answers_limits_with_their_own_status) {
  const auto status = [](const std::string& text, ParserLimits limits) {
    Http1Parser parser(limits);
    parser.start_request();
    std::string_view bytes = text;
    Event event = Event::need_more;
    while (event != Event::error && event != Event::complete) {
      event = parser.next(bytes);
      if (event == Event::need_more) break;
    }
    return event == Event::error ? parser.error().status : 0;
  };
  ParserLimits limits = server_limits();
  limits.first_line = 100;
  limits.head = 1000;
  limits.fields = 3;
  limits.body = 10;
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(status("GET /" + std::string(100, 'a'), limits), 414);
  EXPECT_EQ(status(start + "X: " + std::string(1000, 'a'), limits), 431);
  EXPECT_EQ(status(start + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits), 431);
  EXPECT_EQ(status(start + "Content-Length: 11\r\n\r\n", limits), 413);
  EXPECT_EQ(status(start + "Content-Length: 10\r\n\r\n", limits), 0);
}

TEST(Http1Parser, lets_a_route_choose_its_own_body_limit) {
  ParserLimits limits = server_limits();
  limits.body = 4;
  Http1Parser parser(limits);
  for (int i = 0; i < 2; ++i) {
    parser.start_request();
    std::string_view bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde";
    ASSERT_EQ(parser.next(bytes), Event::head);
    if (i == 0) parser.set_body_limit(std::nullopt);
    EXPECT_EQ(parser.next(bytes), i == 0 ? Event::body : Event::error) << "for one message only";
  }
}

TEST(Http1Parser, raises_what_aiohttp_raises) {
  const auto run = [](std::string_view bytes) {
    Http1Parser parser(client_limits());
    parser.start_response("GET");
    Event event = Event::need_more;
    do {
      event = parser.next(bytes);
    } while (event != Event::need_more && event != Event::error && event != Event::complete);
    if (event == Event::need_more) event = parser.eof();
    if (event == Event::error) parser.raise();
  };
  EXPECT_THROW(run(""), ServerDisconnectedError);
  EXPECT_THROW(run("HTTP/1.1 200"), ServerDisconnectedError);
  EXPECT_THROW(run("SSH-2.0"), BadStatusLine);
  EXPECT_THROW(run("HTTP/1.1 20\r\n\r\n"), BadStatusLine);
  EXPECT_THROW(run("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), ContentLengthError);
  EXPECT_THROW(run("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"), ContentLengthError);
  EXPECT_THROW(run("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
               TransferEncodingError);
  EXPECT_THROW(run("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx"),
               TransferEncodingError);
  EXPECT_THROW(run("HTTP/1.1 200 OK\r\nA: " + std::string(70000, 'a')), LineTooLong);
  EXPECT_NO_THROW(run("HTTP/1.1 200 OK\r\n\r\n"));
}

TEST(Http1Parser, refuses_bytes_before_it_was_started) {
  Http1Parser parser(client_limits());
  std::string_view bytes = kPage;
  EXPECT_EQ(parser.next(bytes), Event::error);
}

TEST(Http1Parser, can_be_moved_between_pieces) {
  Http1Parser first(client_limits());
  first.start_response("GET");
  std::string_view bytes = std::string_view(kPage).substr(0, 25);
  ASSERT_EQ(first.next(bytes), Event::need_more);
  Http1Parser second = std::move(first);
  bytes = std::string_view(kPage).substr(25);
  ASSERT_EQ(second.next(bytes), Event::head);
  EXPECT_EQ(second.content_length(), 5U);
}

TEST(Http1Parser, reads_many_tiny_chunks_in_linear_time) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 200'000; ++i) text += "1\r\nx\r\n";
  text += "0\r\n\r\n";
  const testing::Outcome outcome =
      testing::run_pieces(testing::Runner(client_limits(), {}), {text});
  EXPECT_EQ(outcome.body.size(), 200'000U);
}

// Random damage to good messages: whatever happens, it happens alike however the bytes are cut, and
// a server that accepts a message agrees with itself when it reads it again.
TEST(Http1Parser, says_the_same_of_damaged_messages_however_they_are_cut) {
  const std::vector<std::string> seeds = {
      "GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nHost: "
      "b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n1\r\nd\r\n"
      "0\r\nT: u\r\n\r\nGET / HTTP/1.0\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: a\r\n b\r\n\r\n3\r\nabc\r\n0\r\nT: "
      "u\r\n\r\n",
      "HTTP/1.0 200\nServer : x\nbad line\nContent-Length: 2\n\nhi",
  };
  const std::string_view alphabet(
      "\r\n\0 :;,\t\"\x7f\xff"
      "0aZ4/-+",
      18);
  std::uint32_t seed = 11;
  const auto random = [&](std::size_t below) {
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
  };
  ParserLimits limits = server_limits();
  limits.head = 150;
  limits.first_line = 60;
  limits.trailers = 20;
  limits.chunk_line = 20;
  limits.body = 12;
  for (int i = 0; i < 40'000; ++i) {
    std::string text = seeds[random(seeds.size())];
    for (std::size_t k = random(4); k > 0; --k) {
      const std::size_t at = random(text.size());
      switch (random(4)) {
        case 0:
          text[at] = alphabet[random(alphabet.size())];
          break;
        case 1:
          text.insert(at, 1, alphabet[random(alphabet.size())]);
          break;
        case 2:
          text.erase(at, 1 + random(3));
          break;
        default:
          text.insert(at, text.substr(random(text.size()), random(40)));
      }
      if (text.empty()) text = "x";
    }
    const bool client = i % 2 == 0;
    const auto make = [&] {
      return client ? testing::Runner(limits, {}) : testing::Runner(limits);
    };
    const testing::Outcome whole = testing::run_pieces(make(), {text});
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + (i % 3 == 0 ? 0 : random(30));
      pieces.push_back(std::string_view(text).substr(at, size));
      at += size;
    }
    const testing::Outcome cut = testing::run_pieces(make(), pieces);
    ASSERT_EQ(whole.transcript, cut.transcript) << printable(text, 1000);
  }
}

TEST(HeadScan, looks_at_each_byte_once) {
  HeadScan scan(HeadScan::Role::server);
  std::string text = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(scan.scan(text, server_limits()), HeadScan::Found::more);
  text += "Host: a\r\n\r\nrest";
  EXPECT_EQ(scan.scan(text, server_limits()), HeadScan::Found::end);
  EXPECT_EQ(scan.size(), text.size() - 4);
  EXPECT_EQ(scan.field_lines(), 1U);
}

}  // namespace
}  // namespace asyncio::http
