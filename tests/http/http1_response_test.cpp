// What a client does with answers: it reads what real servers send, repairs what it safely can, and
// never hands out a body as whole unless the framing says so. Each case whole, byte by byte and cut
// at every offset.
#include <gtest/gtest.h>

#include "http/parser_harness.hpp"

namespace asyncio::http::testing {
namespace {

using namespace std::string_view_literals;
using Kind = ParseErrorKind;

enum class Want { strict, repaired, refused };

struct Case {
  const char* name;
  std::string bytes;
  Want want;
  std::string body = {};    // strict and repaired
  Kind error = Kind::none;  // refused
  Answer answer = {};
};

std::string str(std::string_view text) { return std::string(text); }

std::string ok(std::string_view fields, std::string_view body = {}) {
  return "HTTP/1.1 200 OK\r\n" + str(fields) + "\r\n" + str(body);
}

void check(const std::vector<Case>& cases, ParserLimits limits = client_limits()) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto make = [&] { return Runner(limits, c.answer); };
    const Outcome whole = run_pieces(make(), {c.bytes});
    EXPECT_EQ(static_cast<int>(whole.error), static_cast<int>(c.error))
        << whole.transcript.substr(0, 300) << " " << whole.error_text;
    EXPECT_EQ(whole.messages, c.want == Want::refused ? 0U : 1U) << whole.transcript.substr(0, 300);
    if (c.want != Want::refused) {
      EXPECT_EQ(whole.repaired, c.want == Want::repaired) << whole.transcript;
      EXPECT_EQ(whole.body, c.body);
    }
    if (c.want == Want::repaired) {
      EXPECT_NE(whole.transcript.find("close"), std::string::npos);
    }
    every_cut(c.bytes, make, [&](const Outcome& outcome, const std::string& how) {
      ASSERT_EQ(outcome.transcript.substr(0, 500), whole.transcript.substr(0, 500)) << how;
    });
  }
}

TEST(Responses, framing_is_by_length_chunks_or_end_of_file) {
  check({
      {"length", ok("Content-Length: 2\r\n", "hi"), Want::strict, "hi"},
      {"length zero", ok("Content-Length: 0\r\n"), Want::strict},
      {"chunks", ok("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"), Want::strict, "hi"},
      {"chunks and trailer", ok("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\nA: b\r\n\r\n"),
       Want::strict, "hi"},
      {"until the end", ok("", "hi"), Want::strict, "hi"},
      {"until the end, empty", ok(""), Want::strict},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhi", Want::strict, "hi"},
      {"no reason", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", Want::strict, "hi"},
      {"204 has no body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", Want::strict},
      {"304 has no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", Want::strict},
      {"304 with chunked has no body",
       "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", Want::strict},
      {"HEAD", ok("Content-Length: 2\r\n"), Want::strict, "", Kind::none, {"HEAD"}},
      {"HEAD with chunked",
       ok("Transfer-Encoding: chunked\r\n"),
       Want::strict,
       "",
       Kind::none,
       {"HEAD"}},
      {"CONNECT",
       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntunnel",
       Want::strict,
       "",
       Kind::none,
       {"CONNECT"}},
      {"CONNECT refused",
       "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nhi",
       Want::strict,
       "hi",
       Kind::none,
       {"CONNECT"}},
      {"interim",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
           ok("Content-Length: 2\r\n", "hi"),
       Want::strict, "hi"},
      {"upgrade",
       "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
       Want::strict,
       "",
       Kind::none,
       {"GET", true}},
      {"a second answer is not ours", ok("Content-Length: 2\r\n", "hi") + ok(""), Want::strict,
       "hi"},
      {"non-ASCII reason", "HTTP/1.1 404 Pas trouv\xe9\r\nContent-Length: 0\r\n\r\n", Want::strict},
      {"folded field", ok("X: a\r\n b\r\nContent-Length: 2\r\n", "hi"), Want::strict, "hi"},
      {"status of the future", "HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n", Want::strict},
  });
}

TEST(Responses, sloppy_heads_are_repaired_and_their_connection_closed) {
  const std::string tail = "\r\nContent-Length: 2\r\n\r\nhi";
  check({
      {"no space after the status", "HTTP/1.1 200" + tail, Want::repaired, "hi"},
      {"two spaces in the status line", "HTTP/1.1  200 OK" + tail, Want::repaired, "hi"},
      {"tab in the status line", "HTTP/1.1 200\tOK" + tail, Want::repaired, "hi"},
      {"minor version 2", "HTTP/1.2 200 OK" + tail, Want::repaired, "hi"},
      {"ICY", "ICY 200 OK\r\n\r\nhi", Want::repaired, "hi"},
      {"control byte in the reason", "HTTP/1.1 200 O\x01K" + tail, Want::repaired, "hi"},
      {"LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", Want::repaired, "hi"},
      {"one LF", "HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\r\nhi", Want::repaired, "hi"},
      {"LF as the blank line", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nhi", Want::repaired,
       "hi"},
      {"CR CR LF", "HTTP/1.1 200 OK\r\nX: y\r\r\nContent-Length: 2\r\n\r\nhi", Want::repaired,
       "hi"},
      {"bare CR in a value", ok("X: a\rb\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"blank line first", "\r\n" + ok("Content-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"space before the colon", ok("Content-Length : 2\r\n", "hi"), Want::repaired, "hi"},
      {"space in a name", ok("X Y: z\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"name with a parenthesis", ok("X(1): z\r\nContent-Length: 2\r\n", "hi"), Want::repaired,
       "hi"},
      {"empty name", ok(": z\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"no colon", ok("garbage\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"status line twice", ok("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "hi"), Want::repaired,
       "hi"},
      {"non-ASCII name", ok("X\xe9: z\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"control byte in a value", ok("X: a\x02\r\nContent-Length: 2\r\n", "hi"), Want::repaired,
       "hi"},
      {"DEL in a value", ok("X: a\x7f\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"folded first line", ok(" x\r\nContent-Length: 2\r\n", "hi"), Want::repaired, "hi"},
      {"length twice, equal", ok("Content-Length: 2\r\nContent-Length: 2\r\n", "hi"),
       Want::repaired, "hi"},
      {"length as a list", ok("Content-Length: 2, 2\r\n", "hi"), Want::repaired, "hi"},
      {"length beside chunked",
       ok("Content-Length: 9\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"),
       Want::repaired, "hi"},
      {"chunked in HTTP/1.0",
       "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", Want::repaired,
       "hi"},
      {"identity", ok("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "hi"), Want::repaired,
       "hi"},
      {"Connection that is no list", ok("Connection: keep alive\r\nContent-Length: 2\r\n", "hi"),
       Want::repaired, "hi"},
      {"folded name line", ok("X:\r\n\ta\x01\r\nContent-Length: 2\r\n", "hi"), Want::repaired,
       "hi"},
  });
}

TEST(Responses, answers_that_are_not_whole_or_not_clear_are_refused) {
  const auto length = [](std::string_view text) {
    return ok("Content-Length:" + str(text) + "\r\n", "hi");
  };
  const auto chunks = [](std::string_view text) {
    return ok("Transfer-Encoding: chunked\r\n", text);
  };
  const Want no = Want::refused;
  check({
      {"nothing", "", no, "", Kind::closed_before_message},
      {"blank line only", "\r\n", no, "", Kind::closed_before_message},
      {"half a status line", "HTTP/1.1 2", no, "", Kind::closed_in_head},
      {"half a field", "HTTP/1.1 200 OK\r\nConte", no, "", Kind::closed_in_head},
      {"no blank line", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", no, "", Kind::closed_in_head},
      {"interim and no more", "HTTP/1.1 100 Continue\r\n\r\n", no, "", Kind::closed_in_head},
      {"body cut", ok("Content-Length: 3\r\n", "hi"), no, "", Kind::closed_in_body},
      {"no last chunk", chunks("2\r\nhi\r\n"), no, "", Kind::closed_in_body},
      {"chunk cut", chunks("5\r\nhi"), no, "", Kind::closed_in_body},
      {"trailer cut", chunks("0\r\nA: b\r\n"), no, "", Kind::closed_in_body},
      {"chunk size cut", chunks("2"), no, "", Kind::closed_in_body},
      {"bad chunk size", chunks("x\r\nhi\r\n0\r\n\r\n"), no, "", Kind::bad_chunk},
      {"chunk size with minus", chunks("-2\r\nhi\r\n0\r\n\r\n"), no, "", Kind::bad_chunk},
      {"chunk size with 0x", chunks("0x2\r\nhi\r\n0\r\n\r\n"), no, "", Kind::bad_chunk},
      {"chunk size over 2^64", chunks("fffffffffffffffff\r\nhi"), no, "", Kind::bad_chunk},
      {"chunk data too long", chunks("1\r\nhi\r\n0\r\n\r\n"), no, "", Kind::bad_chunk},
      {"LF in chunk framing", chunks("2\nhi\n0\n\n"), no, "", Kind::bad_chunk},
      {"endless chunk extension", chunks("2;" + std::string(5000, 'a')), no, "",
       Kind::chunk_line_too_long},
      {"endless trailers", chunks("0\r\nA: " + std::string(20'000, 'a')), no, "",
       Kind::trailers_too_large},
      {"length 0x5", length(" 0x5"), no, "", Kind::bad_content_length},
      {"length +2", length(" +2"), no, "", Kind::bad_content_length},
      {"length -2", length(" -2"), no, "", Kind::bad_content_length},
      {"length 2;", length(" 2;"), no, "", Kind::bad_content_length},
      {"length 2 2", length(" 2 2"), no, "", Kind::bad_content_length},
      {"length 2.0", length(" 2.0"), no, "", Kind::bad_content_length},
      {"length abc", length(" abc"), no, "", Kind::bad_content_length},
      {"length empty", length(""), no, "", Kind::bad_content_length},
      {"length 2^64", length(" 18446744073709551616"), no, "", Kind::bad_content_length},
      {"lengths differ", ok("Content-Length: 2\r\nContent-Length: 3\r\n", "hi"), no, "",
       Kind::bad_content_length},
      {"lengths differ in a list", length(" 2, 3"), no, "", Kind::bad_content_length},
      {"coding gzip", ok("Transfer-Encoding: gzip\r\n", "hi"), no, "", Kind::bad_transfer_encoding},
      {"coding gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n"), no, "",
       Kind::bad_transfer_encoding},
      {"coding chunked, gzip", ok("Transfer-Encoding: chunked, gzip\r\n"), no, "",
       Kind::bad_transfer_encoding},
      {"coding chunked twice", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       no, "", Kind::bad_transfer_encoding},
      {"coding xchunked", ok("Transfer-Encoding: xchunked\r\n"), no, "",
       Kind::bad_transfer_encoding},
  });
}

TEST(Responses, hostile_heads_are_refused) {
  std::string interim;
  for (int i = 0; i < 17; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "A: b\r\n";
  const Want no = Want::refused;
  check({
      {"NUL in a value", ok("X: a\0b\r\nContent-Length: 2\r\n"sv, "hi"), no, "", Kind::bad_field},
      {"NUL in a name", ok("X\0: a\r\nContent-Length: 2\r\n"sv, "hi"), no, "", Kind::bad_field},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", no, "", Kind::not_http},
      {"page without a head", "<html>hello</html>", no, "", Kind::not_http},
      {"HTTP/2", "HTTP/2 200 OK\r\n\r\n", no, "", Kind::bad_version},
      {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", no, "", Kind::bad_version},
      {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"status 099", "HTTP/1.1 099 OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"status 000", "HTTP/1.1 000 OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"status with letters", "HTTP/1.1 2OO OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"negative status", "HTTP/1.1 -20 OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"glued reason", "HTTP/1.1 200OK\r\n\r\n", no, "", Kind::bad_first_line},
      {"101 without asking", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", no, "",
       Kind::unexpected_upgrade},
      {"17 interim answers", interim + ok(""), no, "", Kind::too_many_interim},
      {"2 MB of header", ok("A: " + std::string(2'000'000, 'a') + "\r\n"), no, "",
       Kind::head_too_large},
      {"endless header", "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'a'), no, "",
       Kind::head_too_large},
      {"10,000 fields", ok(many), no, "", Kind::too_many_fields},
      {"endless status line", "HTTP/1.1 200 " + std::string(20'000, 'a'), no, "",
       Kind::first_line_too_long},
      {"endless blank lines", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", no, "", Kind::bad_first_line},
  });
}

TEST(Responses, a_body_over_its_limit_is_refused_however_it_is_framed) {
  ParserLimits limits = client_limits();
  limits.body = 4;
  const Want no = Want::refused;
  check({{"at the limit", ok("Content-Length: 4\r\n", "abcd"), Want::strict, "abcd"},
         {"length", ok("Content-Length: 5\r\n", "abcde"), no, "", Kind::body_too_large},
         {"chunk", ok("Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n0\r\n\r\n"), no, "",
          Kind::body_too_large},
         {"chunks", ok("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), no,
          "", Kind::body_too_large},
         {"chunk of 2^63 - 1", ok("Transfer-Encoding: chunked\r\n", "7fffffffffffffff\r\n"), no, "",
          Kind::body_too_large}},
        limits);
  const Outcome until_end = run_pieces(Runner(limits, {}), {ok("", "abcde")});
  EXPECT_EQ(until_end.error, Kind::body_too_large);
}

}  // namespace
}  // namespace asyncio::http::testing
