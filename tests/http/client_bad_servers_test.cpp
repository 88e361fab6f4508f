// Servers that break the rules: a clear error, never a part of a body as if it were whole.
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class client_bad_servers : public SimulatedHttpTest {
 protected:
  /// What a request comes to when the server says `bytes`.
  std::string outcome_of(std::string bytes, Then then = Then::close,
                         std::optional<std::uint64_t> max_body_bytes = std::nullopt) {
    auto main = [&]() -> Coro<std::string> {
      auto server = co_await serve([&](const Seen&) -> Reply { return {bytes, then}; });
      Session session({.max_body_bytes = max_body_bytes});
      const std::string url = server->url();
      std::string outcome = co_await failure_of(fetch(session.get(url)));
      EXPECT_EQ(session.connections_in_use(), 0U);
      if (outcome != "nothing") {
        EXPECT_EQ(session.connections_idle(), 0U);
      }
      // "<url>" instead of an address that differs each time.
      const auto at = outcome.find(url);
      if (at != std::string::npos) outcome.replace(at, url.size(), "<url>");
      co_return outcome;
    };
    return run(main());
  }
};

TEST_F(client_bad_servers, a_truncated_body_is_never_whole) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const std::string& bytes : {
           head + "Content-Length: 9\r\n\r\nhalf",
           head + "Content-Length: 9\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\n4\r\nwi",
           head + "Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n",
           head + "Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\n",
       }) {
    EXPECT_THAT(outcome_of(bytes),
                StartsWith("ClientPayloadError: GET <url>: the body is incomplete: "))
        << bytes;
  }
}

TEST_F(client_bad_servers, a_body_is_cut_at_every_byte_and_never_taken_for_whole) {
  const std::string whole =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(outcome_of(whole.substr(0, size)), "nothing") << size;
  }
  EXPECT_EQ(outcome_of(whole), "nothing");
}

TEST_F(client_bad_servers, a_reset_in_the_middle_of_a_body_names_the_cause) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await read_message(reader);
      writer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
      co_await sleep(2ms);
      reset_at_close(writer);
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session;
    const ClientResponse response = co_await session.get(url);
    const std::string failure = co_await failure_of(response.read());
    EXPECT_THAT(failure, StartsWith("ClientPayloadError"));
    EXPECT_THAT(failure, HasSubstr("connection reset by peer (4 bytes had been read)"));
    // Part of it can still be had, piece by piece.
    const ClientResponse pieces = co_await session.get(url);
    EXPECT_EQ(co_await pieces.readany(), "half");
    EXPECT_THAT(co_await failure_of(pieces.readany()), StartsWith("ClientPayloadError"));
  };
  run(main());
}

TEST_F(client_bad_servers, a_server_that_closes_without_a_word_has_disconnected) {
  EXPECT_THAT(outcome_of(""), StartsWith("ServerDisconnectedError: GET <url>: "));
  EXPECT_THAT(outcome_of("HTTP/1.1 200 OK\r\nContent-"), StartsWith("ServerDisconnectedError"));
  EXPECT_THAT(outcome_of("", Then::reset), StartsWith("ClientOSError: GET <url>: recv 127.0.0.1:"));
}

TEST_F(client_bad_servers, what_is_not_http_is_told_with_its_first_bytes) {
  for (const std::string& bytes :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("\x15\x03\x01\x00\x02\x02\x28", 7),
        std::string("\x16\x03\x03\x00\x7a\x02\x00\x00", 8), std::string(200, '\xff'),
        std::string(200, '\0'), std::string("HTTP/3.0 200 OK\r\n\r\n"),
        std::string("HTTP/1.1 2x0 OK\r\n\r\n"), std::string("<html>no head</html>\r\n\r\n")}) {
    EXPECT_THAT(outcome_of(bytes),
                StartsWith("BadHttpMessage: GET <url>: not a valid HTTP response: "))
        << ::testing::PrintToString(bytes);
  }
}

TEST_F(client_bad_servers, framing_that_can_be_read_in_two_ways_is_refused) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const char* fields : {"Content-Length: 4\r\nContent-Length: 5\r\n", "Content-Length: -1\r\n",
                             "Content-Length: 18446744073709551616\r\n", "Content-Length: 0x4\r\n",
                             "Transfer-Encoding: gzip, chunked, gzip\r\n"}) {
    EXPECT_NE(outcome_of(head + fields + "\r\nwiki"), "nothing") << fields;
  }
  for (const char* chunks : {"fffffffffffffffff\r\nx", "8000000000000000\r\nx", "-1\r\nx",
                             "zz\r\nx", "4\r\nwikiX\r\n0\r\n\r\n", "\r\n"}) {
    EXPECT_THAT(outcome_of(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks),
                StartsWith("ClientPayloadError"))
        << chunks;
  }
}

TEST_F(client_bad_servers, endless_heads_end_at_64_kilobytes) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  EXPECT_THAT(outcome_of(head + "X: " + std::string(2'000'000, 'a')), StartsWith("BadHttpMessage"));
  EXPECT_THAT(outcome_of(std::string("HTTP/1.1 200 ") + std::string(100'000, 'a')),
              StartsWith("BadHttpMessage"));
  std::string many = head;
  for (int i = 0; i < 1000; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_THAT(outcome_of(many + "\r\n"), StartsWith("BadHttpMessage"));
  std::string interim;
  for (int i = 0; i < 1000; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_THAT(outcome_of(interim + ok("x")), StartsWith("BadHttpMessage"));
  std::string trailers = head + "Transfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 10'000; ++i) trailers += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_THAT(outcome_of(trailers), StartsWith("ClientPayloadError"));
}

TEST_F(client_bad_servers, a_head_that_drips_for_ever_is_bounded_by_its_size) {
  std::size_t sent = 0;  // the server outlives main
  auto main = [&]() -> Coro<> {
    auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await read_message(reader);
      writer.write("HTTP/1.1 200 OK\r\n");
      while (!writer.peer_closed()) {
        writer.write("X: " + std::string(4000, 'x') + "\r\n");
        sent += 4005;
        co_await sleep(1ms);
      }
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session;
    EXPECT_THAT(co_await failure_of(fetch(session.get(url))), StartsWith("BadHttpMessage"));
    EXPECT_LT(sent, 1'000'000U);
  };
  run(main());
}

TEST_F(client_bad_servers, damaged_compression_is_a_payload_error) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
  const std::string packed = gzip(text);
  const std::string fields = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(outcome_of(ok(packed, fields)), "nothing");
  EXPECT_THAT(outcome_of(ok(packed.substr(0, packed.size() / 2), fields)),
              StartsWith("ClientPayloadError: GET <url>: the body cannot be decoded: "));
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;  // its checksum
  EXPECT_THAT(outcome_of(ok(wrong, fields)), StartsWith("ClientPayloadError"));
  EXPECT_THAT(outcome_of(ok("not gzip at all", fields)), StartsWith("ClientPayloadError"));
  EXPECT_THAT(outcome_of(ok("x", "Content-Encoding: zebra\r\n")), StartsWith("ClientPayloadError"));
  EXPECT_THAT(outcome_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked"
                         "\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"),
              StartsWith("ClientPayloadError"));
}

TEST_F(client_bad_servers, max_body_bytes_holds_for_bombs_lengths_and_chunks) {
  const std::string bomb = gzip(std::string(50'000'000, '\0'));
  EXPECT_THAT(outcome_of(ok(bomb, "Content-Encoding: gzip\r\n"), Then::close, 100'000),
              HasSubstr("larger than max_body_bytes (100000)"));
  EXPECT_THAT(outcome_of(ok(std::string(2000, 'x')), Then::close, 1000),
              HasSubstr("larger than max_body_bytes (1000)"));
  EXPECT_THAT(outcome_of("HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x'), Then::close, 1000),
              HasSubstr("larger than max_body_bytes (1000)"));
  EXPECT_EQ(outcome_of(ok(std::string(1000, 'x')), Then::close, 1000), "nothing");
}

TEST_F(client_bad_servers, max_body_bytes_holds_for_all_pieces_together) {
  auto main = [&]() -> Coro<> {
    auto server =
        co_await serve([](const Seen&) -> Reply { return {ok(std::string(5'000'000, 'x'))}; });
    Session session({.max_body_bytes = 2'000'000});
    const ClientResponse response = co_await session.get(server->url());
    std::size_t got = 0;
    std::string failure;
    while (failure.empty()) {
      Result<std::string> piece = co_await try_(response.readany());
      if (piece.ok()) {
        got += piece.value().size();
        if (piece.value().empty()) break;
      } else {
        failure = describe(piece.exception());
      }
    }
    EXPECT_THAT(failure, HasSubstr("larger than max_body_bytes (2000000)"));
    EXPECT_LE(got, 2'000'000U);
  };
  run(main());
}

TEST_F(client_bad_servers, a_lying_content_length_reserves_no_memory) {
  EXPECT_THAT(outcome_of("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\nx"),
              StartsWith("ClientPayloadError"));
}

TEST_F(client_bad_servers, an_answer_before_the_upload_is_over_is_the_answer) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await reader.readuntil("\r\n\r\n");
      writer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
      co_await sleep(5ms);
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session;
    const ClientResponse response = co_await session.post(url).data(std::string(30'000'000, 'u'));
    EXPECT_EQ(response.status(), 413);
    EXPECT_EQ(co_await response.text(), "big");
    EXPECT_EQ(session.connections_idle(), 0U);
  };
  run(main());
}

TEST_F(client_bad_servers, a_kept_connection_is_not_used_while_an_upload_is_unfinished) {
  auto main = [&]() -> Coro<> {
    int connections = 0;
    auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      ++connections;
      co_await reader.readuntil("\r\n\r\n");
      writer.write(ok("early"));
      co_await sleep(5ms);
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
    Session session;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(co_await fetch(session.post(url).data(std::string(30'000'000, 'u'))), "early");
    }
    EXPECT_EQ(connections, 2);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
