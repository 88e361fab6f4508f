// Whatever the short way reads, the grammar reads to the same end; and it reads what is usual.
#include "http/plain_head.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace asyncio::http {
namespace {

enum class Role { request, response, response_to_head };

constexpr std::size_t kMaxFields = 12;

void start(Http1Engine& engine, Role role, std::string_view head) {
  if (role == Role::request) return engine.start_request(head, kMaxFields);
  engine.start_response(head, kMaxFields, role == Role::response_to_head);
}

std::string text_of(const Headers& headers) {
  std::string text;
  for (const Header field : headers) {
    text.append(field.name).append("|").append(field.value).append("\n");
  }
  return text;
}

/// All that the parser asks of an engine after a head.
std::string outcome(const Http1Engine& engine, const Http1Engine::Result& result, Role role) {
  const Http1Findings& found = engine.found;
  const HeadSummary& summary = engine.summary();
  const bool request = role == Role::request;
  const HttpVersion version = request ? found.request.version : found.response.version;
  std::string text = std::to_string(result.used) + (result.need_more ? " more" : "");
  text += " error " + std::to_string(static_cast<int>(result.error));
  if (result.error != ParseErrorKind::none || result.need_more) return text;
  text += " version " + std::to_string(version.major) + "." + std::to_string(version.minor) + "\n";
  text += request ? found.request.method + " " + found.request.target
                  : std::to_string(found.response.status) + " " + found.response.reason;
  text += "\n" + text_of(request ? found.request.headers : found.response.headers);
  for (const bool flag :
       {summary.keep_alive, summary.upgrade, found.upgrade_field, found.expect_continue,
        found.bad_host, found.bad_length, found.bad_coding, found.too_many_fields}) {
    text += flag ? '1' : '0';
  }
  for (const unsigned count : {found.hosts, found.lengths, found.codings}) {
    text += " " + std::to_string(count);
  }
  return text + " length " + (summary.length ? std::to_string(*summary.length) : "-");
}

/// Whether the head was one of the usual kind; the grammar must agree in any case.
bool both_agree(Role role, const std::string& head) {
  Http1Engine shorter;
  Http1Engine grammar;
  start(shorter, role, head);
  start(grammar, role, head);
  const std::string quick = outcome(shorter, shorter.put(head), role);
  const std::string exact = outcome(grammar, grammar.put_by_grammar(head), role);
  EXPECT_EQ(quick, exact) << printable(head, 500);
  return shorter.plain();
}

const std::vector<std::string>& requests() {
  static const std::vector<std::string> all{
      "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
      "GET /a/b.html?x=1&y=%20z HTTP/1.1\r\nHost: a.example\r\nUser-Agent: Mozilla/5.0 (X11; x)\r\n"
      "Accept: text/html,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
      "Cookie: a=b; c=\"d\"\r\n\r\n",
      "POST /form HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\nConnection: close\r\n\r\n",
      "HEAD / HTTP/1.0\r\nConnection:keep-alive\r\n\r\n",
  };
  return all;
}

const std::vector<std::string>& responses() {
  static const std::vector<std::string> all{
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 18:00:00 GMT\r\n"
      "Content-Type: text/html\r\nContent-Length: 13000\r\nLast-Modified: Fri, 20 Nov 2026 "
      "17:00:00 "
      "GMT\r\nConnection: keep-alive\r\nETag: \"655b-32c8\"\r\nAccept-Ranges: bytes\r\n\r\n",
      "HTTP/1.1 404 Not Found\r\ncontent-length:  0 \r\nX-Empty:\r\nX-Tab:\ta\tb\t\r\n\r\n",
      "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nETag: x\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 204 \r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
  };
  return all;
}

TEST(plain_head, reads_what_is_usual) {
  for (const std::string& head : requests()) EXPECT_TRUE(both_agree(Role::request, head)) << head;
  for (const std::string& head : responses()) {
    EXPECT_TRUE(both_agree(Role::response, head)) << head;
    EXPECT_TRUE(both_agree(Role::response_to_head, head)) << head;
  }
}

TEST(plain_head, leaves_to_the_grammar_what_it_cannot_judge) {
  for (const char* field :
       {"Transfer-Encoding: chunked", "Connection: upgrade\r\nUpgrade: websocket",
        "Expect: 100-continue", "Content-Length: 1\r\nContent-Length: 1", "Content-Length: +1",
        "Content-Length: 99999999999999999999", "Content-Length:", "Connection: close, te",
        "Connection: close\r\nConnection: keep-alive", "Proxy-Connection: close",
        "X-Folded: a\r\n b", "X Y: 1", ": 1", "X: \x01", "X: \x80", "X : 1", "no colon", "X: a\rb",
        "a:1\r\nb:2\r\nc:3\r\nd:4\r\ne:5\r\nf:6\r\ng:7\r\nh:8\r\ni:9\r\nj:0\r\nk:1\r\nl:2"}) {
    const std::string rest = std::string("Host: h\r\n") + field + "\r\n\r\n";
    EXPECT_FALSE(both_agree(Role::request, "GET / HTTP/1.1\r\n" + rest)) << field;
    EXPECT_FALSE(both_agree(Role::response, "HTTP/1.1 200 OK\r\n" + rest)) << field;
  }
  for (const char* line : {"GET /\"a\" HTTP/1.1", "GET  / HTTP/1.1", "GET / HTTP/1.2", "GET /",
                           "GE@T / HTTP/1.1", "GET /\xc3\xa4 HTTP/1.1"}) {
    EXPECT_FALSE(both_agree(Role::request, std::string(line) + "\r\nHost: h\r\n\r\n")) << line;
  }
  for (const char* line : {"HTTP/1.1 200", "HTTP/1.1  200 OK", "HTTP/2.0 200 OK", "HTTP/1.1 20 OK",
                           "HTTP/1.1 200 \x80"}) {
    EXPECT_FALSE(both_agree(Role::response, std::string(line) + "\r\n\r\n")) << line;
  }
}

std::string damaged(std::string head, std::mt19937& random) {
  static constexpr char kBytes[] = "\r\n\t :,;/?#%\"=-+\0\x7f\x80\xff@[]<>aHC019";
  constexpr std::size_t kByteCount = sizeof kBytes - 1;
  const auto below = [&](std::size_t limit) { return std::size_t{random()} % limit; };
  for (std::size_t changes = 1 + below(3); changes > 0 && head.size() > 8; --changes) {
    const std::size_t at = below(head.size());
    switch (below(5)) {
      case 0:
        head[at] = kBytes[below(kByteCount)];
        break;
      case 1:
        head.insert(at, 1, kBytes[below(kByteCount)]);
        break;
      case 2:
        head.erase(at, 1 + below(3));
        break;
      case 3:
        head[at] = static_cast<char>(head[at] ^ 0x20);
        break;
      default: {  // a line again, or another one's
        const std::size_t line = head.find('\n', at);
        const std::size_t end = line == std::string::npos ? line : head.find('\n', line + 1);
        if (end != std::string::npos) head.insert(line + 1, head.substr(line + 1, end - line));
      }
    }
  }
  return head;
}

TEST(plain_head, agrees_with_the_grammar_on_a_hundred_thousand_damaged_heads) {
  std::mt19937 random(20'261'120);
  std::size_t plain = 0;
  constexpr std::size_t kHeads = 100'000;
  for (std::size_t i = 0; i < kHeads && !testing::Test::HasFailure(); ++i) {
    const Role role = static_cast<Role>(i % 3);
    const auto& all = role == Role::request ? requests() : responses();
    plain += both_agree(role, damaged(all[random() % all.size()], random)) ? 1 : 0;
  }
  EXPECT_GT(plain, kHeads / 10) << "the test does not reach what it is for";
}

}  // namespace
}  // namespace asyncio::http
