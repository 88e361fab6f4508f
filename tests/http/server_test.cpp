// Our server and clients that behave: answers, framing, keep-alive, streams, what is reported.
#include "asyncio/http/server.hpp"

#include <sys/resource.h>

#include "asyncio/sync/event.hpp"
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class server : public HttpTest {
 protected:
  /// All that the application says to `bytes`, until it closes.
  std::string answer_to(Application app, std::string bytes, ServerOptions options = {}) {
    auto main = [&]() -> Coro<std::string> {
      Server serving = co_await start_server(std::move(app), "127.0.0.1", 0, options);
      std::string answer = co_await talk(serving.port(), bytes);
      co_await serving.shutdown();
      co_return answer;
    };
    return run(main());
  }
  void keep_reports() {
    scheduler().set_exception_handler([this](Scheduler&, const ExceptionContext& context) {
      reports.push_back(context.message + ": " + describe(context.exception));
    });
  }
  std::vector<std::string> reports;
};

Application app_of(Handler handler) {
  Application app;
  app.add_route("*", "/{tail:.*}", std::move(handler));
  return app;
}
Application hello() {
  return app_of([](Request& request) -> Coro<Response> {
    co_return Response("hello " + request.match_info("tail"));
  });
}
std::string get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
const std::string kClose = "Connection: close\r\n";
std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(server, an_answer_has_length_date_and_server) {
  const std::string answer = answer_to(hello(), get("/you", kClose));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(field(answer, "Content-Length"), "9");
  EXPECT_EQ(field(answer, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(field(answer, "Server"), "asyncio-cpp");
  EXPECT_EQ(field(answer, "Connection"), "close");
  EXPECT_THAT(field(answer, "Date"), ::testing::MatchesRegex("..., .. ... .... ..:..:.. GMT"));
  EXPECT_EQ(body_of(answer), "hello you");
  EXPECT_EQ(field(answer_to(hello(), get("/", kClose), {.server_name = ""}), "Server"), "");
}

TEST_F(server, connections_are_kept_between_requests) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hello(), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    for (int i = 0; i < 20; ++i) {
      writer.write(get("/" + std::to_string(i)));
      auto [head, body] = co_await read_message(reader);
      EXPECT_EQ(body, "hello " + std::to_string(i));
      EXPECT_EQ(field(head, "Connection"), "");
    }
    writer.write(get("/end", kClose));
    EXPECT_EQ(field((co_await read_message(reader)).first, "Connection"), "close");
    EXPECT_EQ(co_await reader.read(), "");
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, http_1_0_is_closed_unless_it_asks_to_be_kept) {
  EXPECT_THAT(answer_to(hello(), "GET /old HTTP/1.0\r\n\r\n"), HasSubstr("hello old"));
  const std::string answer = answer_to(
      hello(), "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(count(answer, "HTTP/1.1 200 OK"), 2);
  EXPECT_EQ(field(answer, "Connection"), "keep-alive");
}

TEST_F(server, a_hundred_pipelined_requests_are_answered_in_order) {
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/" + std::to_string(i), i == 99 ? kClose : "");
  std::string answer = answer_to(hello(), requests);
  for (int i = 0; i < 100; ++i) {
    const auto at = answer.find("hello " + std::to_string(i));
    EXPECT_NE(at, std::string::npos);
    answer.erase(0, at);
  }
}

TEST_F(server, a_pipeline_does_not_starve_other_clients) {
  auto main = [&]() -> Coro<> {
    int served = 0;
    Application app = app_of([&](Request&) -> Coro<Response> {
      ++served;
      co_return Response("x");
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    std::string requests;
    for (int i = 0; i < 3000; ++i) requests += get("/");
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write(requests);
    const bool begun = co_await until([&] { return served > 0; });
    EXPECT_TRUE(begun);
    co_await talk(serving.port(), get("/", kClose));
    EXPECT_LT(served, 3001);
    writer.abort();
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, bodies_are_read_however_they_are_framed) {
  auto echo = [] {
    return app_of([](Request& request) -> Coro<Response> {
      const bool there = request.can_read_body();
      std::string body = co_await request.read();
      co_return Response((there ? "body " : "none ") + body);
    });
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n" + kClose;
  EXPECT_EQ(body_of(answer_to(echo(), post + "Content-Length: 4\r\n\r\ndata")), "body data");
  EXPECT_EQ(body_of(answer_to(echo(), post + "Transfer-Encoding: chunked\r\n\r\n"
                                             "2\r\nda\r\n2\r\nta\r\n0\r\n\r\n")),
            "body data");
  EXPECT_EQ(body_of(answer_to(echo(), post + "\r\n")), "none ");
  EXPECT_EQ(body_of(answer_to(echo(), post + "Content-Length: 0\r\n\r\n")), "none ");
  const std::string large(500'000, 'L');
  EXPECT_EQ(body_of(answer_to(echo(), post + "Content-Length: 500000\r\n\r\n" + large)),
            "body " + large);
}

TEST_F(server, a_short_body_that_nobody_wanted_is_skipped) {
  const std::string answer = answer_to(
      hello(), "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde" + get("/2", kClose));
  EXPECT_THAT(answer, HasSubstr("hello 1"));
  EXPECT_THAT(answer, HasSubstr("hello 2"));
}

TEST_F(server, an_answer_does_not_wait_for_a_body_that_nobody_wanted) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hello(), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    EXPECT_EQ((co_await read_message(reader)).second, "hello 1");
    writer.write("cde" + get("/2", kClose));
    EXPECT_EQ((co_await read_message(reader)).second, "hello 2");
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, a_long_body_that_nobody_wanted_ends_the_connection_after_the_answer) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hello(), "127.0.0.1", 0);
    const std::string upload = "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" +
                               std::string(3'000'000, 'u');
    const std::string answer = co_await talk(serving.port(), upload);
    EXPECT_THAT(answer, HasSubstr("hello up"));
    EXPECT_EQ(field(answer, "Connection"), "close");
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, expect_100_continue_is_answered_when_the_body_is_read) {
  auto main = [&]() -> Coro<> {
    Application app;
    app.add_post("/read", [](Request& request) -> Coro<Response> {
      std::string body = co_await request.read();
      co_return Response("got " + body);
    });
    app.add_post("/ignore", [](Request&) -> Coro<Response> { co_return Response("no thanks"); });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    const std::string head =
        " HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n" + kClose + "\r\n";
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write("POST /read" + head);
    EXPECT_EQ(co_await reader.readuntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    writer.write("data");
    EXPECT_EQ((co_await read_message(reader)).second, "got data");
    // Who did not wait is not invited; who is not read, neither.
    EXPECT_THAT(co_await talk(serving.port(), "POST /read" + head + "data"),
                StartsWith("HTTP/1.1 200 OK"));
    EXPECT_THAT(co_await talk(serving.port(), "POST /ignore" + head),
                StartsWith("HTTP/1.1 200 OK"));
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, other_expectations_fail_but_http_1_0_has_none) {
  EXPECT_THAT(answer_to(hello(), get("/", "Expect: a-miracle\r\n" + kClose)),
              StartsWith("HTTP/1.1 417 "));
  EXPECT_THAT(answer_to(hello(), "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer_to(hello(), get("/", "Expect: 100-continue\r\n" + kClose)),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(server, head_and_204_and_304_have_no_body) {
  const std::string head = answer_to(hello(), "HEAD /x HTTP/1.1\r\nHost: h\r\n" + kClose + "\r\n");
  EXPECT_EQ(field(head, "Content-Length"), "7");
  EXPECT_EQ(body_of(head), "");
  for (const int status : {204, 304}) {
    auto app = app_of([=](Request&) -> Coro<Response> {
      Response response("must not be sent");
      response.set_status(status);
      co_return response;
    });
    const std::string answer = answer_to(std::move(app), get("/", kClose));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(status)));
    EXPECT_EQ(body_of(answer), "");
  }
}

TEST_F(server, a_handler_that_throws_is_reported_and_answered_with_500) {
  keep_reports();
  auto app = app_of([](Request&) -> Coro<Response> {
    throw std::runtime_error("the password is hunter2");
    co_return Response();
  });
  const std::string answer = answer_to(std::move(app), get("/x\x7f", "") + get("/y", kClose));
  EXPECT_THAT(answer, Not(HasSubstr("hunter2")));
  auto other = app_of([](Request&) -> Coro<Response> {
    throw std::runtime_error("the password is hunter2");
    co_return Response();
  });
  const std::string plain = answer_to(std::move(other), get("/a") + get("/b", kClose));
  EXPECT_EQ(count(plain, "HTTP/1.1 500 Internal Server Error"), 2);
  EXPECT_THAT(plain, HasSubstr("500: Internal Server Error\n"));
  EXPECT_THAT(plain, Not(HasSubstr("hunter2")));
  EXPECT_THAT(
      reports,
      ElementsAre("Error handling request GET /a: std::runtime_error: the password is hunter2",
                  "Error handling request GET /b: std::runtime_error: the password is hunter2"));
}

TEST_F(server, an_http_exception_is_the_answer_and_not_reported) {
  keep_reports();
  auto app = app_of([](Request&) -> Coro<Response> {
    throw HTTPException(302, "over there").header("Location", "/there");
    co_return Response();
  });
  const std::string answer = answer_to(std::move(app), get("/", kClose));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 302 Found"));
  EXPECT_EQ(field(answer, "Location"), "/there");
  EXPECT_EQ(body_of(answer), "over there\n");
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(server, what_would_split_an_answer_is_never_sent) {
  keep_reports();
  auto app = app_of([](Request& request) -> Coro<Response> {
    Response response("x");
    if (request.path() == "/add") response.header("X", *request.query("v"));
    // Around the check: the writer has another.
    if (request.path() == "/raw") response.headers().append_unchecked("X", *request.query("v"));
    co_return response;
  });
  const std::string attack = "?v=a%0d%0aSet-Cookie:%20evil";
  const std::string answer =
      answer_to(std::move(app), get("/add" + attack) + get("/raw" + attack, kClose));
  EXPECT_EQ(count(answer, "HTTP/1.1 500 "), 2);
  EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
  EXPECT_EQ(reports.size(), 2U);
}

TEST_F(server, fields_that_deny_the_body_are_a_500) {
  keep_reports();
  auto app = app_of([](Request& request) -> Coro<Response> {
    Response response("four");
    if (request.path() == "/length") response.header("Content-Length", "5");
    if (request.path() == "/both") response.header("Transfer-Encoding", "chunked");
    co_return response;
  });
  const std::string answer = answer_to(std::move(app), get("/length") + get("/both", kClose));
  EXPECT_EQ(count(answer, "HTTP/1.1 "), 2);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_GE(reports.size(), 1U);
}

Response count_to(int n, std::optional<std::uint64_t> length = std::nullopt) {
  auto body = [n](BodyWriter& out) -> Coro<> {
    for (int i = 0; i < n; ++i) {
      const std::string piece = std::to_string(i % 10);
      co_await out.write(piece);
      co_await out.write("");
    }
  };
  return Response::stream(body, "text/plain", length);
}

TEST_F(server, streams_are_chunked_unless_their_length_is_known) {
  auto app = [](std::optional<std::uint64_t> length) {
    return app_of([=](Request&) -> Coro<Response> { co_return count_to(5, length); });
  };
  const std::string chunked = answer_to(app(std::nullopt), get("/", kClose));
  EXPECT_EQ(field(chunked, "Transfer-Encoding"), "chunked");
  EXPECT_EQ(body_of(chunked), "1\r\n0\r\n1\r\n1\r\n1\r\n2\r\n1\r\n3\r\n1\r\n4\r\n0\r\n\r\n");
  const std::string known = answer_to(app(5), get("/", kClose));
  EXPECT_EQ(field(known, "Content-Length"), "5");
  EXPECT_EQ(body_of(known), "01234");
  const std::string old = answer_to(app(std::nullopt), "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(field(old, "Transfer-Encoding"), "");
  EXPECT_EQ(body_of(old), "01234");
  const std::string head =
      answer_to(app(std::nullopt), "HEAD / HTTP/1.1\r\nHost: h\r\n" + kClose + "\r\n");
  EXPECT_EQ(body_of(head), "");
}

TEST_F(server, a_stream_of_another_length_than_announced_is_cut_and_reported) {
  keep_reports();
  for (const std::uint64_t announced : {4, 6}) {
    auto app = app_of([=](Request&) -> Coro<Response> { co_return count_to(5, announced); });
    const std::string answer = answer_to(std::move(app), get("/1") + get("/2"));
    EXPECT_EQ(count(answer, "HTTP/1.1 "), 1);
  }
  EXPECT_THAT(reports, ElementsAre(HasSubstr("wrote more than the 4 bytes it announced"),
                                   HasSubstr("announced 6 bytes and wrote 5")));
}

TEST_F(server, a_stream_that_throws_ends_without_a_last_chunk) {
  keep_reports();
  auto app = app_of([](Request&) -> Coro<Response> {
    auto body = [](BodyWriter& out) -> Coro<> {
      co_await out.write("part");
      throw ValueError("midway");
    };
    co_return Response::stream(body, "text/plain");
  });
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    Session session;
    const std::string url = "http://127.0.0.1:" + std::to_string(serving.port()) + "/";
    EXPECT_THAT(co_await failure_of(fetch(session.get(url))), Not("nothing"));
    co_await serving.shutdown();
  };
  run(main());
  EXPECT_THAT(reports, ElementsAre("Error handling request GET /: ValueError: midway"));
}

TEST_F(server, a_stream_ends_soon_after_its_client_has_gone) {
  auto main = [&]() -> Coro<> {
    bool ended = false;
    Application app = app_of([&](Request&) -> Coro<Response> {
      auto body = [&](BodyWriter& out) -> Coro<> {
        for (;;) {
          Result<void> written = co_await try_(out.write("tick\n"));
          if (!written.ok()) {
            ended = true;
            co_await raise(written.exception());
          }
          co_await sleep(0s);
        }
      };
      co_return Response::stream(body, "text/plain");
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write(get("/"));
    co_await reader.readuntil("tick\n");
    writer.abort();
    const bool soon = co_await until([&] { return ended; });
    EXPECT_TRUE(soon);
    co_await serving.shutdown();
  };
  run(main());  // and nothing is reported
}

TEST_F(server, the_access_log_is_told_of_each_answer) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hello(), "127.0.0.1", 0);
    std::vector<std::string> lines;
    serving.set_access_log([&](const AccessEntry& entry) {
      EXPECT_GE(entry.duration.count(), 0);
      lines.push_back(entry.request.method() + " " + entry.request.raw_path() + " " +
                      std::to_string(entry.status) + " " + std::to_string(entry.body_bytes));
    });
    co_await talk(serving.port(),
                  get("/a?b") + "HEAD /c HTTP/1.1\r\nHost: h\r\n" + kClose + "\r\n");
    co_await serving.shutdown();
    EXPECT_THAT(lines, ElementsAre("GET /a?b 200 7", "HEAD /c 200 0"));
  };
  run(main());
}

TEST_F(server, force_close_ends_the_connection_after_the_answer) {
  auto app = app_of([](Request&) -> Coro<Response> {
    Response response("bye");
    response.force_close();
    co_return response;
  });
  const std::string answer = answer_to(std::move(app), get("/1") + get("/2"));
  EXPECT_EQ(count(answer, "HTTP/1.1 200"), 1);
  EXPECT_EQ(field(answer, "Connection"), "close");
}

TEST_F(server, a_client_that_closes_its_half_still_gets_its_answer) {
  auto main = [&]() -> Coro<> {
    Event closed;
    Application app = app_of([&](Request&) -> Coro<Response> {
      co_await closed.wait();
      co_return Response("late");
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write(get("/"));
    writer.write_eof();
    co_await sleep(0s);  // the kernel has passed it on, and the server's loop sees it
    closed.set();
    EXPECT_THAT(co_await reader.read(), HasSubstr("late"));
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, the_peer_is_known_to_the_handler) {
  auto main = [&]() -> Coro<> {
    Application app = app_of([](Request& request) -> Coro<Response> {
      co_return Response(request.remote().to_string());
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write(get("/"));
    const auto message = co_await read_message(reader);
    EXPECT_EQ(message.second, writer.sockname().to_string());
    writer.close();
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server, ten_thousand_connections_are_held_and_served) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 30'000);
  setrlimit(RLIMIT_NOFILE, &limit);
  const int wanted = std::min<int>(10'000, (static_cast<int>(limit.rlim_cur) - 200) / 2);
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hello(), "127.0.0.1", 0, {.backlog = 4096});
    std::vector<StreamPair> clients;
    while (static_cast<int>(clients.size()) < wanted) {
      std::vector<Coro<StreamPair>> some;
      for (int i = 0; i < 500 && static_cast<int>(clients.size() + some.size()) < wanted; ++i) {
        some.push_back(open_connection("127.0.0.1", serving.port()));
      }
      for (StreamPair& pair : co_await gather(std::move(some))) clients.push_back(std::move(pair));
    }
    for (auto& [reader, writer] : clients) writer.write(get("/x"));
    int answered = 0;
    for (auto& [reader, writer] : clients) {
      if ((co_await read_message(reader)).second == "hello x") ++answered;
    }
    EXPECT_EQ(answered, wanted);
    RecordProperty("connections", wanted);
    clients.clear();
    co_await serving.shutdown();
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
