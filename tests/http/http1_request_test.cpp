// What a server does with requests that are hostile, borderline or merely unusual: each of them
// whole, byte by byte and cut at every offset, always with the same verdict.
// Sources: RFC 9112, and the holes found in other servers (request smuggling, splitting).
#include <gtest/gtest.h>

#include "http/parser_harness.hpp"

namespace asyncio::http::testing {
namespace {

using namespace std::string_view_literals;
using Kind = ParseErrorKind;

struct Case {
  const char* name;
  std::string bytes;
  Kind error;            // none: everything is accepted
  std::size_t messages;  // complete ones, before the error if there is one
};

std::string request(std::string_view fields, std::string_view body = {}) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view body) {
  return request("Transfer-Encoding: chunked\r\n", body);
}

std::string next_request() { return "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"; }

std::string many_fields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";
  return fields;
}

std::string str(std::string_view text) { return std::string(text); }

std::vector<Case> line_ending_cases() {
  return {
      {"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", Kind::bad_line_ending, 0},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", Kind::bad_line_ending,
       0},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", Kind::bad_line_ending, 0},
      {"bare LF as the blank line", "GET / HTTP/1.1\r\nHost: a\r\n\n", Kind::bad_line_ending, 0},
      {"bare CR everywhere", "GET / HTTP/1.1\rHost: a\r\r", Kind::bad_line_ending, 0},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", Kind::bad_line_ending,
       0},
      {"CR without LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", Kind::bad_line_ending, 0},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", Kind::bad_line_ending, 0},
      {"blank line before the request", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Kind::none, 1},
      {"two blank lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Kind::none, 1},
      {"endless blank lines", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n", Kind::bad_first_line, 0},
      {"LF alone before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Kind::bad_first_line, 0},
      {"blank line after a body", request("Content-Length: 1\r\n", "x\r\n") + next_request(),
       Kind::none, 2},
  };
}

std::vector<Case> request_line_cases() {
  const auto line = [](std::string_view text) { return str(text) + "\r\nHost: a\r\n\r\n"; };
  return {
      {"plain", line("GET / HTTP/1.1"), Kind::none, 1},
      {"unknown method", line("FOO / HTTP/1.1"), Kind::none, 1},
      {"lower-case method is another method", line("get / HTTP/1.1"), Kind::none, 1},
      {"method with a hyphen", line("M-SEARCH / HTTP/1.1"), Kind::none, 1},
      {"method with a colon", line("GE:T / HTTP/1.1"), Kind::bad_first_line, 0},
      {"method with a NUL", line("GE\0T / HTTP/1.1"sv), Kind::bad_first_line, 0},
      {"space first", line(" GET / HTTP/1.1"), Kind::bad_first_line, 0},
      {"two spaces", line("GET  / HTTP/1.1"), Kind::bad_target, 0},
      {"two spaces before the version", line("GET /  HTTP/1.1"), Kind::bad_version, 0},
      {"tab for space", line("GET\t/ HTTP/1.1"), Kind::bad_first_line, 0},
      {"space at the end", line("GET / HTTP/1.1 "), Kind::bad_first_line, 0},
      {"no version", line("GET /"), Kind::bad_first_line, 0},
      {"HTTP/0.9 answered at once", "GET /\r\n", Kind::bad_first_line, 0},
      {"HTTP/1.0", line("GET / HTTP/1.0"), Kind::none, 1},
      {"HTTP/1.2", line("GET / HTTP/1.2"), Kind::bad_version, 0},
      {"HTTP/2.0", line("GET / HTTP/2.0"), Kind::bad_version, 0},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Kind::bad_version, 0},
      {"HTTP/11", line("GET / HTTP/11"), Kind::bad_version, 0},
      {"HTTP/1.10", line("GET / HTTP/1.10"), Kind::bad_version, 0},
      {"http in lower case", line("GET / http/1.1"), Kind::bad_first_line, 0},
      {"HTTPS/1.1", line("GET / HTTPS/1.1"), Kind::bad_first_line, 0},
      {"space in the target", line("GET /a b HTTP/1.1"), Kind::bad_version, 0},
      {"control byte in the target", line("GET /a\x01 HTTP/1.1"), Kind::bad_target, 0},
      {"NUL in the target", line("GET /a\0 HTTP/1.1"sv), Kind::bad_target, 0},
      {"non-ASCII in the target", line("GET /\xc3\xa9 HTTP/1.1"), Kind::bad_target, 0},
      {"fragment in the target", line("GET /a#b HTTP/1.1"), Kind::bad_target, 0},
      {"what browsers send unescaped", line("GET /a|b[c]?\"{d}^` HTTP/1.1"), Kind::none, 1},
      {"relative target", line("GET a HTTP/1.1"), Kind::bad_target, 0},
      {"absolute form", line("GET http://a/x?y HTTP/1.1"), Kind::none, 1},
      {"absolute form, no path", line("GET http://a HTTP/1.1"), Kind::none, 1},
      {"absolute form with userinfo", line("GET http://u@a/ HTTP/1.1"), Kind::bad_target, 0},
      {"absolute form without host", line("GET http:///x HTTP/1.1"), Kind::bad_target, 0},
      {"absolute form of another scheme", line("GET file:///etc/passwd HTTP/1.1"), Kind::bad_target,
       0},
      {"asterisk", line("OPTIONS * HTTP/1.1"), Kind::none, 1},
      {"asterisk for GET", line("GET * HTTP/1.1"), Kind::bad_target, 0},
      {"authority form", line("CONNECT a:443 HTTP/1.1"), Kind::none, 1},
      {"authority form for GET", line("GET a:443 HTTP/1.1"), Kind::bad_target, 0},
      {"CONNECT without port", line("CONNECT a HTTP/1.1"), Kind::bad_target, 0},
      {"CONNECT to a path", line("CONNECT / HTTP/1.1"), Kind::bad_target, 0},
      {"start of TLS", "\x16\x03\x01\x02", Kind::not_http, 0},
      {"an answer instead of a request", "HTTP/1.1 200 OK\r\n\r\n", Kind::bad_first_line, 0},
  };
}

std::vector<Case> field_cases() {
  const auto field = [](std::string_view text) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + str(text) + "\r\n\r\n";
  };
  const auto host = [](std::string_view text) { return "GET / HTTP/1.1\r\n" + str(text) + "\r\n"; };
  return {
      {"no space after the colon", field("X:y"), Kind::none, 1},
      {"spaces around the value", field("X: \t y \t "), Kind::none, 1},
      {"empty value", field("X:"), Kind::none, 1},
      {"non-ASCII value", field("X: \xc3\xa9"), Kind::none, 1},
      {"space before the colon", field("X : y"), Kind::bad_field, 0},
      {"tab before the colon", field("X\t: y"), Kind::bad_field, 0},
      {"space in the name", field("X Y: z"), Kind::bad_field, 0},
      {"empty name", field(": y"), Kind::bad_field, 0},
      {"no colon", field("X"), Kind::bad_field, 0},
      {"NUL in the name", field("X\0: y"sv), Kind::bad_field, 0},
      {"non-ASCII name", field("X\xc3\xa9: y"), Kind::bad_field, 0},
      {"parenthesis in the name", field("X(: y"), Kind::bad_field, 0},
      {"NUL in the value", field("X: \0"sv), Kind::bad_field, 0},
      {"control byte in the value", field("X: a\x0b"), Kind::bad_field, 0},
      {"DEL in the value", field("X: a\x7f"), Kind::bad_field, 0},
      {"folded value", field("X: a\r\n b"), Kind::bad_field, 0},
      {"folded first field", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", Kind::bad_field, 0},
      {"folded Transfer-Encoding", field("Transfer-Encoding:\r\n chunked"), Kind::bad_field, 0},
      {"Connection that is no list", field("Connection: a b"), Kind::bad_field, 0},
      {"no Host", host(""), Kind::bad_host, 0},
      {"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", Kind::none, 1},
      {"two Hosts", host("Host: a\r\nHost: b\r\n"), Kind::bad_host, 0},
      {"the same Host twice", host("Host: a\r\nHost: a\r\n"), Kind::bad_host, 0},
      {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Kind::bad_host, 0},
      {"empty Host", host("Host:\r\n"), Kind::bad_host, 0},
      {"Host with port", host("Host: a.example:8080\r\n"), Kind::none, 1},
      {"Host with an empty port", host("Host: a:\r\n"), Kind::none, 1},
      {"Host with a bad port", host("Host: a:8x\r\n"), Kind::bad_host, 0},
      {"Host with a port too large", host("Host: a:65536\r\n"), Kind::bad_host, 0},
      {"Host as IPv6", host("Host: [::1]:80\r\n"), Kind::none, 1},
      {"Host as half IPv6", host("Host: [::1\r\n"), Kind::bad_host, 0},
      {"Host as IPv6 without brackets", host("Host: ::1\r\n"), Kind::bad_host, 0},
      {"Host with a path", host("Host: a/b\r\n"), Kind::bad_host, 0},
      {"Host with userinfo", host("Host: u@a\r\n"), Kind::bad_host, 0},
      {"Host with a list", host("Host: a, b\r\n"), Kind::bad_host, 0},
      {"Host with a space", host("Host: a b\r\n"), Kind::bad_host, 0},
      {"Host with a question mark", host("Host: a?b\r\n"), Kind::bad_host, 0},
      {"128 fields", "GET / HTTP/1.1\r\nHost: a\r\n" + many_fields(127) + "\r\n", Kind::none, 1},
      {"129 fields", "GET / HTTP/1.1\r\nHost: a\r\n" + many_fields(128) + "\r\n",
       Kind::too_many_fields, 0},
      {"2000 fields", "GET / HTTP/1.1\r\nHost: a\r\n" + many_fields(2000) + "\r\n",
       Kind::too_many_fields, 0},
      {"header of 100 KB", field("X: " + std::string(100'000, 'a')), Kind::head_too_large, 0},
      {"endless header", "GET / HTTP/1.1\r\nX: " + std::string(40'000, 'a'), Kind::head_too_large,
       0},
      {"endless request line", "GET /" + std::string(20'000, 'a'), Kind::first_line_too_long, 0},
      {"long request line", "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n",
       Kind::first_line_too_long, 0},
  };
}

std::vector<Case> length_cases() {
  const auto length = [](std::string_view text) {
    return request("Content-Length:" + str(text) + "\r\n", "abcd") + next_request();
  };
  return {
      {"exact", length(" 4"), Kind::none, 2},
      {"leading zeros", length(" 004"), Kind::none, 2},
      {"zero", request("Content-Length: 0\r\n") + next_request(), Kind::none, 2},
      {"twice, equal", request("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"),
       Kind::bad_content_length, 0},
      {"twice, different", request("Content-Length: 4\r\nContent-Length: 5\r\n", "abcde"),
       Kind::bad_content_length, 0},
      {"list, equal", length(" 4, 4"), Kind::bad_content_length, 0},
      {"list, different", length(" 4, 5"), Kind::bad_content_length, 0},
      {"list with nothing", length(" 4,"), Kind::bad_content_length, 0},
      {"empty", length(""), Kind::bad_content_length, 0},
      {"plus", length(" +4"), Kind::bad_content_length, 0},
      {"minus", length(" -4"), Kind::bad_content_length, 0},
      {"minus zero", length(" -0"), Kind::bad_content_length, 0},
      {"hexadecimal", length(" 0x4"), Kind::bad_content_length, 0},
      {"underscore", length(" 0_4"), Kind::bad_content_length, 0},
      {"fraction", length(" 4.0"), Kind::bad_content_length, 0},
      {"exponent", length(" 4e0"), Kind::bad_content_length, 0},
      {"letters after", length(" 4abc"), Kind::bad_content_length, 0},
      {"two numbers", length(" 4 4"), Kind::bad_content_length, 0},
      {"semicolon", length(" 4;"), Kind::bad_content_length, 0},
      {"quoted", length(" \"4\""), Kind::bad_content_length, 0},
      {"full-width digit", length(" \xef\xbc\x94"), Kind::bad_content_length, 0},
      {"2^64", length(" 18446744073709551616"), Kind::bad_content_length, 0},
      {"2^64 + 4", length(" 18446744073709551620"), Kind::bad_content_length, 0},
      {"100 digits", length(" " + std::string(100, '9')), Kind::bad_content_length, 0},
      {"vertical tab before",
       length(" \x0b"
              "4"),
       Kind::bad_field, 0},
      {"underscore in the name", request("Content_Length: 4\r\n") + next_request(), Kind::none, 2},
      {"cut short", request("Content-Length: 5\r\n", "abcd"), Kind::closed_in_body, 0},
      {"more than the length is the next message", request("Content-Length: 2\r\n", "abcd"),
       Kind::closed_in_head, 1},
  };
}

std::vector<Case> coding_cases() {
  const auto coding = [](std::string_view text) {
    return request("Transfer-Encoding:" + str(text) + "\r\n", "0\r\n\r\n") + next_request();
  };
  return {
      {"chunked", coding(" chunked"), Kind::none, 2},
      {"upper case", coding(" CHUNKED"), Kind::none, 2},
      {"xchunked", coding(" xchunked"), Kind::bad_transfer_encoding, 0},
      {"chunkedx", coding(" chunkedx"), Kind::bad_transfer_encoding, 0},
      {"identity", coding(" identity"), Kind::bad_transfer_encoding, 0},
      {"chunked, identity", coding(" chunked, identity"), Kind::bad_transfer_encoding, 0},
      {"identity, chunked", coding(" identity, chunked"), Kind::bad_transfer_encoding, 0},
      {"gzip, chunked", coding(" gzip, chunked"), Kind::bad_transfer_encoding, 0},
      {"chunked, chunked", coding(" chunked, chunked"), Kind::bad_transfer_encoding, 0},
      {"comma before", coding(" , chunked"), Kind::bad_transfer_encoding, 0},
      {"comma after", coding(" chunked,"), Kind::bad_transfer_encoding, 0},
      {"parameter", coding(" chunked;a=b"), Kind::bad_transfer_encoding, 0},
      {"quoted", coding(" \"chunked\""), Kind::bad_transfer_encoding, 0},
      {"vertical tab before",
       coding(" \x0b"
              "chunked"),
       Kind::bad_field, 0},
      {"empty", coding(""), Kind::bad_transfer_encoding, 0},
      {"twice",
       request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       Kind::bad_transfer_encoding, 0},
      {"and identity", request("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
       Kind::bad_transfer_encoding, 0},
      {"after identity", request("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
       Kind::bad_transfer_encoding, 0},
      {"then Content-Length", request("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
       Kind::bad_content_length, 0},
      {"after Content-Length", request("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
       Kind::bad_transfer_encoding, 0},
      {"unknown one with Content-Length",
       request("Content-Length: 4\r\nTransfer-Encoding: x\r\n", "abcd"),
       Kind::bad_transfer_encoding, 0},
      {"unknown one, then Content-Length",
       request("Transfer-Encoding: x\r\nContent-Length: 4\r\n", "abcd"),
       Kind::bad_transfer_encoding, 0},
      {"in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       Kind::bad_transfer_encoding, 0},
      {"space before its colon", request("Transfer-Encoding : chunked\r\n"), Kind::bad_field, 0},
  };
}

std::vector<Case> chunk_cases() {
  return {
      {"plain", chunked("4\r\nabcd\r\n0\r\n\r\n") + next_request(), Kind::none, 2},
      {"two", chunked("1\r\na\r\n3\r\nbcd\r\n0\r\n\r\n") + next_request(), Kind::none, 2},
      {"upper-case size", chunked("A\r\n0123456789\r\n0\r\n\r\n"), Kind::none, 1},
      {"leading zeros", chunked("0004\r\nabcd\r\n000\r\n\r\n"), Kind::none, 1},
      {"extension", chunked("4;a=b;c;d=\"e\"\r\nabcd\r\n0;x\r\n\r\n"), Kind::none, 1},
      {"extension with spaces", chunked("4 ; a = b\r\nabcd\r\n0\r\n\r\n"), Kind::none, 1},
      {"trailer", chunked("0\r\nX: y\r\n\r\n") + next_request(), Kind::none, 2},
      {"space after the size", chunked("4 \r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"space before the size", chunked(" 4\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"plus", chunked("+4\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"minus", chunked("-1\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"0x", chunked("0x4\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"underscore", chunked("0_4\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"not a number", chunked("zz\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"empty size", chunked("\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"only an extension", chunked(";a\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"2^64", chunked("10000000000000000\r\nabcd\r\n"), Kind::bad_chunk, 0},
      {"2^64 + 4", chunked("10000000000000004\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"2^64 - 1", chunked("ffffffffffffffff\r\nabcd\r\n"), Kind::bad_chunk, 0},
      {"bare LF after the size", chunked("4\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"bare CR after the size", chunked("4\rabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"LF in an extension", chunked("4;a\nb\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"CR in an extension", chunked("4;a\rb\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"line break in a quoted extension", chunked("4;a=\"\r\nb\"\r\nabcd\r\n0\r\n\r\n"),
       Kind::bad_chunk, 0},
      {"quote that does not end", chunked("4;a=\"b\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"quote that does not end in the last chunk", chunked("0;a=\"b\r\n\r\n"), Kind::bad_trailer,
       0},
      {"NUL in an extension", chunked(str("4;a=\"\0\"\r\nabcd\r\n0\r\n\r\n"sv)), Kind::bad_chunk,
       0},
      {"extension of 20 KB", chunked("4;a=" + std::string(20'000, 'b') + "\r\nabcd\r\n0\r\n\r\n"),
       Kind::chunk_line_too_long, 0},
      {"size of 20 KB of zeros", chunked(std::string(20'000, '0') + "4\r\nabcd\r\n0\r\n\r\n"),
       Kind::chunk_line_too_long, 0},
      {"data longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"data shorter than its size", chunked("5\r\nabcd\r\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"LF alone after the data", chunked("4\r\nabcd\n0\r\n\r\n"), Kind::bad_chunk, 0},
      {"nothing after the data", chunked("4\r\nabcd0\r\n\r\n"), Kind::bad_chunk, 0},
      {"no last chunk", chunked("4\r\nabcd\r\n"), Kind::closed_in_body, 0},
      {"no blank line at the end", chunked("4\r\nabcd\r\n0\r\n"), Kind::closed_in_body, 0},
      {"bare LF at the end", chunked("0\r\n\n"), Kind::bad_trailer, 0},
      {"Content-Length as trailer", chunked("0\r\nContent-Length: 4\r\n\r\n"), Kind::bad_trailer,
       0},
      {"Transfer-Encoding as trailer", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
       Kind::bad_trailer, 0},
      {"bad trailer", chunked("0\r\nX y\r\n\r\n"), Kind::bad_trailer, 0},
      {"folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n"), Kind::bad_trailer, 0},
      {"NUL in a trailer", chunked(str("0\r\nX: \0\r\n\r\n"sv)), Kind::bad_trailer, 0},
      {"endless trailers", chunked("0\r\nX: " + std::string(20'000, 'a')), Kind::trailers_too_large,
       0},
      {"trailers line by line over their limit",
       chunked("0\r\n" + std::string(16 * 1024 - 5, 'a') + ":\r\nB: c\r\n\r\n"),
       Kind::trailers_too_large, 0},
      {"CR X in a trailer, at once", chunked("0\r\n\rX"), Kind::bad_trailer, 0},
      {"CR X in a chunk line, at once", chunked("4\rX"), Kind::bad_chunk, 0},
      {"2000 trailers", chunked("0\r\n" + many_fields(1500) + "\r\n"), Kind::too_many_fields, 0},
  };
}

std::vector<Case> connection_cases() {
  const std::string close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  return {
      {"pipelined", next_request() + next_request() + next_request(), Kind::none, 3},
      {"after close nothing is read", close + next_request(), Kind::none, 1},
      {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n" + next_request(), Kind::none, 1},
      {"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + next_request(),
       Kind::none, 2},
      {"after an error nothing is read", "BAD\r\n\r\n" + next_request(), Kind::bad_first_line, 0},
      {"after an upgrade nothing is read", upgrade + "\x81\x85", Kind::none, 1},
      {"Upgrade without Connection",
       "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n" + next_request(), Kind::none, 2},
      {"after CONNECT nothing is read", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + next_request(),
       Kind::none, 1},
      {"CONNECT with a body", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd",
       Kind::bad_first_line, 0},
      {"half a head", "GET / HTTP/1.1\r\nHost: a\r\n", Kind::closed_in_head, 0},
      {"nothing", "", Kind::closed_before_message, 0},
      {"GET with a body",
       "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + next_request(), Kind::none, 2},
      {"request hidden in a body",
       request("Content-Length: 30\r\n", next_request()) + next_request(), Kind::none, 2},
  };
}

void check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto make = [] { return Runner(server_limits()); };
    const Outcome whole = run_pieces(make(), {c.bytes});
    EXPECT_EQ(static_cast<int>(whole.error), static_cast<int>(c.error))
        << whole.transcript.substr(0, 300) << " " << whole.error_text;
    EXPECT_EQ(whole.messages, c.messages) << whole.transcript.substr(0, 300);
    every_cut(c.bytes, make, [&](const Outcome& outcome, const std::string& how) {
      ASSERT_EQ(outcome.transcript.substr(0, 500), whole.transcript.substr(0, 500)) << how;
    });
  }
}

TEST(HostileRequests, line_endings_are_crlf_and_nothing_else) { check(line_ending_cases()); }
TEST(HostileRequests, the_request_line_has_one_form) { check(request_line_cases()); }
TEST(HostileRequests, fields_are_refused_when_two_readers_could_differ) { check(field_cases()); }
TEST(HostileRequests, a_content_length_is_one_number) { check(length_cases()); }
TEST(HostileRequests, a_transfer_encoding_is_chunked_alone) { check(coding_cases()); }
TEST(HostileRequests, chunks_are_what_they_say) { check(chunk_cases()); }
TEST(HostileRequests, a_connection_ends_where_it_must) { check(connection_cases()); }

}  // namespace
}  // namespace asyncio::http::testing
