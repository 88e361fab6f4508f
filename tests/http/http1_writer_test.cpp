#include "http/http1_writer.hpp"

#include <gtest/gtest.h>

#include "asyncio/base/error.hpp"
#include "http/parser_harness.hpp"

namespace asyncio::http {
namespace {

using namespace std::string_view_literals;

struct Written {
  std::string text;
  BodyFraming framing = BodyFraming::none;
};

Written request(std::string_view method, const Headers& headers, BodyLength body,
                std::string_view target = "/x", std::string_view host = "h") {
  Written out;
  out.framing = append_request_head(out.text, method, target, host, headers, body);
  return out;
}

Written response(int status, const Headers& headers, BodyLength body,
                 const ResponseContext& context = {}, std::string_view reason = {}) {
  Written out;
  out.framing = append_response_head(out.text, status, reason, headers, body, context);
  return out;
}

TEST(RequestHead, is_written_with_its_host_first) {
  const Written out = request("GET", {{"Accept", "*/*"}}, BodyLength::none());
  EXPECT_EQ(out.text, "GET /x HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(out.framing, BodyFraming::none);
}

TEST(RequestHead, keeps_a_host_that_was_set) {
  EXPECT_EQ(request("GET", {{"host", "other"}}, BodyLength::none()).text,
            "GET /x HTTP/1.1\r\nhost: other\r\n\r\n");
}

TEST(RequestHead, announces_the_body_it_will_have) {
  const Written known = request("POST", {}, BodyLength::known(5));
  EXPECT_EQ(known.text, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(known.framing, BodyFraming::length);
  const Written unknown = request("POST", {}, BodyLength::unknown());
  EXPECT_EQ(unknown.text, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(unknown.framing, BodyFraming::chunked);
  EXPECT_NE(request("POST", {}, BodyLength::none()).text.find("Content-Length: 0"),
            std::string::npos);
  EXPECT_EQ(request("DELETE", {}, BodyLength::none()).text.find("Content-Length"),
            std::string::npos);
}

TEST(RequestHead, accepts_own_framing_fields_that_are_true) {
  EXPECT_EQ(request("PUT", {{"Content-Length", "5"}}, BodyLength::known(5)).framing,
            BodyFraming::length);
  EXPECT_EQ(request("PUT", {{"Content-Length", "5"}}, BodyLength::unknown()).framing,
            BodyFraming::length);
  EXPECT_EQ(request("PUT", {{"Transfer-Encoding", "chunked"}}, BodyLength::known(5)).framing,
            BodyFraming::chunked);
}

TEST(RequestHead, refuses_own_framing_fields_that_are_not) {
  const BodyLength five = BodyLength::known(5);
  EXPECT_THROW(request("PUT", {{"Content-Length", "4"}}, five), ValueError);
  EXPECT_THROW(request("GET", {{"Content-Length", "4"}}, BodyLength::none()), ValueError);
  EXPECT_THROW(request("PUT", {{"Content-Length", "+5"}}, five), ValueError);
  EXPECT_THROW(request("PUT", {{"Content-Length", "0x5"}}, five), ValueError);
  EXPECT_THROW(request("PUT", {{"Content-Length", ""}}, five), ValueError);
  EXPECT_THROW(request("PUT", {{"Content-Length", "99999999999999999999"}}, five), ValueError);
  EXPECT_THROW(request("PUT", {{"Content-Length", "5"}, {"content-length", "5"}}, five),
               ValueError);
  EXPECT_THROW(request("PUT", {{"Transfer-Encoding", "gzip"}}, five), ValueError);
  EXPECT_THROW(request("PUT", {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}}, five),
               ValueError);
}

TEST(Writer, refuses_what_would_split_a_message_before_a_byte_is_written) {
  std::string out = "before";
  const Headers none;
  for (const std::string_view bad : {"GET\r\n"sv, "G T"sv, ""sv, "GET\0"sv, "G\xc3\xa9T"sv}) {
    EXPECT_THROW(append_request_head(out, bad, "/", "h", none, {}), ValueError) << printable(bad);
  }
  for (const std::string_view bad :
       {"/a\r\nX: y"sv, "/a b"sv, ""sv, "/\0"sv, "/\x7f"sv, "/\xc3\xa9"sv}) {
    EXPECT_THROW(append_request_head(out, "GET", bad, "h", none, {}), ValueError) << printable(bad);
  }
  for (const std::string_view bad : {"h\r\nX: y"sv, "h\n"sv, "h\0"sv}) {
    EXPECT_THROW(append_request_head(out, "GET", "/", bad, none, {}), ValueError) << printable(bad);
    EXPECT_THROW(append_response_head(out, 200, bad, none, {}, {}), ValueError) << printable(bad);
    Headers smuggled;
    smuggled.append_unchecked("X", bad);
    EXPECT_THROW(append_request_head(out, "GET", "/", "h", smuggled, {}), ValueError);
    EXPECT_THROW(append_response_head(out, 200, "", smuggled, {}, {}), ValueError);
    EXPECT_THROW(append_last_chunk(out, smuggled), ValueError);
  }
  EXPECT_THROW(append_response_head(out, 99, "", none, {}, {}), ValueError);
  EXPECT_THROW(append_response_head(out, 1000, "", none, {}, {}), ValueError);
  EXPECT_EQ(out, "before");
}

TEST(ResponseHead, is_written_with_the_usual_reason) {
  EXPECT_EQ(response(404, {{"A", "b"}}, BodyLength::known(3)).text,
            "HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(response(299, {}, BodyLength::known(0), {}, "Odd").text,
            "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response(299, {}, BodyLength::none()).text,
            "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseHead, frames_by_what_is_known_and_what_the_client_understands) {
  EXPECT_EQ(response(200, {}, BodyLength::unknown()).framing, BodyFraming::chunked);
  const Written old = response(200, {}, BodyLength::unknown(), {.version = HttpVersion10});
  EXPECT_EQ(old.framing, BodyFraming::until_close);
  EXPECT_EQ(old.text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  const Written own = response(200, {{"Transfer-Encoding", "chunked"}}, BodyLength::unknown(),
                               {.version = HttpVersion10});
  EXPECT_EQ(own.text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST(ResponseHead, says_what_happens_to_the_connection) {
  EXPECT_NE(
      response(200, {}, BodyLength::none(), {.keep_alive = false}).text.find("Connection: close"),
      std::string::npos);
  EXPECT_NE(response(200, {}, BodyLength::none(), {.version = HttpVersion10})
                .text.find("Connection: keep-alive"),
            std::string::npos);
  EXPECT_EQ(
      response(200, {{"Connection", "close"}}, BodyLength::none(), {.keep_alive = false}).text,
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseHead, has_no_body_where_none_may_be) {
  const Written head = response(200, {}, BodyLength::known(13), {.method = "HEAD"});
  EXPECT_EQ(head.framing, BodyFraming::none);
  EXPECT_NE(head.text.find("Content-Length: 13"), std::string::npos);
  const Written not_modified = response(304, {{"Content-Length", "13"}}, BodyLength::none());
  EXPECT_EQ(not_modified.framing, BodyFraming::none);
  EXPECT_NE(not_modified.text.find("Content-Length: 13"), std::string::npos);
  EXPECT_EQ(response(204, {{"Content-Length", "0"}}, BodyLength::none()).text,
            "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_THROW(response(204, {}, BodyLength::known(1)), ValueError);
  EXPECT_THROW(response(204, {}, BodyLength::unknown()), ValueError);
  EXPECT_THROW(response(100, {}, BodyLength::known(1)), ValueError);
  EXPECT_EQ(response(100, {}, BodyLength::none()).text, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(response(200, {}, BodyLength::none(), {.method = "CONNECT"}).text,
            "HTTP/1.1 200 OK\r\n\r\n");
}

TEST(Chunks, are_framed_and_never_empty) {
  std::string out;
  append_chunk(out, "hello world, hello");
  append_chunk(out, "");
  append_chunk_line(out, 0);
  append_last_chunk(out);
  EXPECT_EQ(out, "12\r\nhello world, hello\r\n0\r\n\r\n");
  out.clear();
  append_last_chunk(out, {{"Digest", "x"}});
  EXPECT_EQ(out, "0\r\nDigest: x\r\n\r\n");
  EXPECT_THROW(append_last_chunk(out, {{"Content-Length", "1"}}), ValueError);
}

TEST(Writer, writes_what_the_parser_reads) {
  // Random messages, written, then read back in random pieces.
  std::uint32_t seed = 3;
  const auto random = [&](std::uint32_t below) {
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
  };
  for (int i = 0; i < 2000; ++i) {
    Headers headers;
    for (std::uint32_t k = random(6); k > 0; --k) {
      headers.add("X-" + std::to_string(random(9)), std::string(random(30), 'v'));
    }
    const std::string body(random(300), 'b');
    const bool chunked = random(2) == 0;
    const bool client = random(2) == 0;
    std::string bytes;
    const BodyLength length = chunked ? BodyLength::unknown() : BodyLength::known(body.size());
    if (client) {
      append_response_head(bytes, 200, "", headers, length, {});
    } else {
      append_request_head(bytes, "POST", "/x", "h", headers, length);
    }
    if (chunked) {
      for (std::size_t at = 0; at < body.size();) {
        const std::string piece = body.substr(at, 1 + random(100));
        append_chunk(bytes, piece);
        at += piece.size();
      }
      append_last_chunk(bytes);
    } else {
      bytes += body;
    }
    testing::Runner runner =
        client ? testing::Runner(client_limits(), {}) : testing::Runner(server_limits());
    for (std::size_t at = 0; at < bytes.size();) {
      const std::string piece = bytes.substr(at, 1 + random(60));
      runner.give(piece);
      at += piece.size();
    }
    const testing::Outcome outcome = runner.finish();
    ASSERT_TRUE(outcome.clean) << outcome.transcript;
    ASSERT_EQ(outcome.messages, 1U) << outcome.transcript;
    ASSERT_EQ(outcome.body, body);
    ASSERT_FALSE(outcome.repaired);
  }
}

}  // namespace
}  // namespace asyncio::http
