// Which handler answers which path, and what a handler reads from the target.
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

// Says which route it was, and what matched.
Handler route(std::string name, std::vector<std::string> parts = {}) {
  return [name, parts](Request& request) -> Coro<Response> {
    std::string text = name;
    for (const std::string& part : parts) text += " " + part + "=" + request.match_info(part);
    co_return Response(text);
  };
}

class router : public HttpTest {
 protected:
  /// Status, one field if wanted, and body that the application gives for a request line.
  std::string ask(Application& app, const std::string& method, const std::string& target,
                  const std::string& wanted = {}, const std::string& host = "h") {
    auto main = [&]() -> Coro<std::string> {
      Server server = co_await start_server(std::move(app), "127.0.0.1", 0);
      const std::string answer =
          co_await talk(server.port(), method + " " + target + " HTTP/1.1\r\nHost: " + host +
                                           "\r\nConnection: close\r\n\r\n");
      co_await server.shutdown();
      const auto body = answer.find("\r\n\r\n");
      const std::string extra = wanted.empty() ? "" : " " + field(answer, wanted);
      co_return answer.substr(9, 3) + extra + " " + answer.substr(body + 4);
    };
    return run(main());
  }
  std::string get(Application app, const std::string& target) { return ask(app, "GET", target); }
};

Application app_with(const std::vector<std::pair<std::string, Handler>>& routes) {
  Application app;
  for (const auto& [path, handler] : routes) app.add_get(path, handler);
  return app;
}

TEST_F(router, fixed_paths_match_exactly) {
  auto app = [] {
    return app_with({{"/", route("root")}, {"/a", route("a")}, {"/a/", route("a/")}});
  };
  EXPECT_EQ(get(app(), "/"), "200 root");
  EXPECT_EQ(get(app(), "/a"), "200 a");
  EXPECT_EQ(get(app(), "/a/"), "200 a/");
  EXPECT_EQ(get(app(), "/a?x=/b"), "200 a");
  EXPECT_EQ(get(app(), "/b"), "404 404: Not Found\n");
  EXPECT_EQ(get(app(), "/A"), "404 404: Not Found\n");
}

TEST_F(router, parts_in_braces_match_one_segment) {
  auto app = [] { return app_with({{"/u/{name}/p/{id}", route("r", {"name", "id"})}}); };
  EXPECT_EQ(get(app(), "/u/ann/p/7"), "200 r name=ann id=7");
  EXPECT_EQ(get(app(), "/u/a%20b/p/%C3%A9"), "200 r name=a b id=\xC3\xA9");
  EXPECT_EQ(get(app(), "/u//p/7").substr(0, 3), "404");
  EXPECT_EQ(get(app(), "/u/a/b/p/7").substr(0, 3), "404");
  EXPECT_EQ(get(app(), "/u/ann/p/7/").substr(0, 3), "404");
}

TEST_F(router, expressions_limit_what_a_part_matches) {
  auto app = [] {
    return app_with({{"/n/{id:\\d+}", route("number", {"id"})},
                     {"/n/{word:(a|b)+[(]?}/{x:((c))}", route("groups", {"word", "x"})},
                     {"/y/{year:\\d{4}}", route("year", {"year"})},
                     {"/s/{tail:.*}", route("rest", {"tail"})},
                     {"/dots.{x}", route("dots", {"x"})}});
  };
  EXPECT_EQ(get(app(), "/n/42"), "200 number id=42");
  EXPECT_EQ(get(app(), "/n/4x").substr(0, 3), "404");
  EXPECT_EQ(get(app(), "/n/abba(/c"), "200 groups word=abba( x=c");
  EXPECT_EQ(get(app(), "/y/2026"), "200 year year=2026");
  EXPECT_EQ(get(app(), "/y/20261").substr(0, 3), "404");
  EXPECT_EQ(get(app(), "/s/a/b/c"), "200 rest tail=a/b/c");
  EXPECT_EQ(get(app(), "/s/"), "200 rest tail=");
  EXPECT_EQ(get(app(), "/dots.x"), "200 dots x=x");
  EXPECT_EQ(get(app(), "/dotsyx").substr(0, 3), "404");
}

TEST_F(router, fixed_paths_come_first_then_the_order_of_addition) {
  auto app = [] {
    return app_with({{"/x/{any}", route("any")},
                     {"/x/{other:.*}", route("other")},
                     {"/x/fixed", route("fixed")}});
  };
  EXPECT_EQ(get(app(), "/x/fixed"), "200 fixed");
  EXPECT_EQ(get(app(), "/x/1"), "200 any");
  EXPECT_EQ(get(app(), "/x/1/2"), "200 other");
}

TEST_F(router, another_method_is_405_with_allow) {
  auto make = [] {
    Application app;
    app.add_get("/r", route("get"));
    app.add_post("/r", route("post"));
    app.add_route("*", "/any", route("any"));
    app.add_put("/p/{x}", route("put"));
    app.add_delete("/p/{x}", route("delete"));
    return app;
  };
  Application app = make();
  EXPECT_EQ(ask(app, "DELETE", "/r", "Allow"), "405 GET, HEAD, POST 405: Method Not Allowed\n");
  app = make();
  EXPECT_EQ(ask(app, "BREW", "/r", "Allow"), "405 GET, HEAD, POST 405: Method Not Allowed\n");
  app = make();
  EXPECT_EQ(ask(app, "BREW", "/any"), "200 any");
  app = make();
  EXPECT_EQ(ask(app, "GET", "/p/1", "Allow"), "405 PUT, DELETE 405: Method Not Allowed\n");
  app = make();
  EXPECT_EQ(ask(app, "PUT", "/p/1"), "200 put");
  app = make();
  EXPECT_EQ(ask(app, "HEAD", "/r", "Content-Length"), "200 3 ");
}

TEST_F(router, routes_that_cannot_be_are_refused_when_added) {
  Application app;
  EXPECT_THAT(test::thrown_by([&] { app.add_get("no-slash", route("x")); }),
              StartsWith("ValueError: route no-slash: a path begins with '/'"));
  EXPECT_THAT(test::thrown_by([&] { app.add_get("/{a", route("x")); }),
              HasSubstr("'{' without '}'"));
  EXPECT_THAT(test::thrown_by([&] { app.add_get("/{}", route("x")); }),
              HasSubstr("without a name"));
  EXPECT_THAT(test::thrown_by([&] { app.add_get("/{a:(}", route("x")); }),
              StartsWith("ValueError: route /{a:(}: "));
  app.add_get("/twice", route("x"));
  EXPECT_EQ(test::thrown_by([&] { app.add_get("/twice", route("x")); }),
            "RuntimeError: route GET /twice is there already");
}

TEST_F(router, a_very_long_path_is_not_matched_against_expressions) {
  auto app = app_with({{"/{tail:(a|b|ab)*}", route("slow")}});
  EXPECT_EQ(get(std::move(app), "/" + std::string(8000, 'a')).substr(0, 3), "404");
}

TEST_F(router, the_query_is_decoded_by_name) {
  Application app;
  app.add_get("/q", [](Request& request) -> Coro<Response> {
    std::string text(request.query_string());
    for (const char* name : {"a", "b c", "empty", "flag", "none"}) {
      text += "|" + request.query(name).value_or("-");
    }
    co_return Response(text);
  });
  EXPECT_EQ(ask(app, "GET", "/q?a=1%2B1+x&a=2&b+c=%zz&empty=&flag"),
            "200 a=1%2B1+x&a=2&b+c=%zz&empty=&flag|1+1 x|%zz|||-");
}

TEST_F(router, the_target_of_a_proxy_names_path_and_host) {
  auto make = [] {
    Application app;
    app.add_route("*", "/p", [](Request& request) -> Coro<Response> {
      co_return Response(request.path() + " " + std::string(request.host()) + " " +
                         std::string(request.query_string()));
    });
    app.add_get("/", [](Request& request) -> Coro<Response> {
      co_return Response("root of " + std::string(request.host()));
    });
    return app;
  };
  Application app = make();
  EXPECT_EQ(ask(app, "GET", "/p?x", {}, "field.example:80"), "200 /p field.example:80 x");
  app = make();
  EXPECT_EQ(ask(app, "GET", "http://target.example:8080/p?x=1", {}, "target.example:8080"),
            "200 /p target.example:8080 x=1");
  // The target counts, RFC 9112 section 3.2.2; a server may also refuse them when they disagree.
  app = make();
  EXPECT_THAT(ask(app, "GET", "http://target.example/p", {}, "other.example"),
              ::testing::AnyOf("200 /p target.example ", StartsWith("400")));
  app = make();
  EXPECT_EQ(ask(app, "GET", "http://target.example?q=1", {}, "target.example"),
            "200 root of target.example");
  app = make();
  EXPECT_EQ(ask(app, "OPTIONS", "*").substr(0, 3), "404");
}

}  // namespace
}  // namespace asyncio::http
