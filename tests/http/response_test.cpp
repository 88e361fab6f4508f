// The value that a handler returns.
#include "asyncio/http/response.hpp"

#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;
using test::thrown_by;

TEST(response, is_an_empty_200_by_default) {
  const Response response;
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body(), "");
  EXPECT_EQ(response.length(), 0U);
  EXPECT_TRUE(response.headers().empty());
}

TEST(response, of_a_text_is_plain_utf8) {
  const Response response("hi", 201);
  EXPECT_EQ(response.status(), 201);
  EXPECT_EQ(response.body(), "hi");
  EXPECT_EQ(response.headers().get("Content-Type"), "text/plain; charset=utf-8");
}

TEST(response, shares_a_body_without_copying_it) {
  const auto body = std::make_shared<const std::string>(1000, 'x');
  const Response one(body, "text/html");
  const Response two = one;
  EXPECT_EQ(one.body().data(), body->data());
  EXPECT_EQ(two.body().data(), body->data());
  EXPECT_EQ(two.length(), 1000U);
}

TEST(response, of_a_stream_has_the_length_it_was_given) {
  auto nothing = [](BodyWriter&) -> Coro<> { co_return; };
  EXPECT_EQ(Response::stream(nothing, "text/plain").length(), std::nullopt);
  EXPECT_EQ(Response::stream(nothing, "text/plain", 7, 206).length(), 7U);
  EXPECT_EQ(Response::stream(nothing, "text/plain", 7, 206).status(), 206);
}

TEST(response, refuses_what_would_split_it) {
  Response response("x");
  const auto refused = StartsWith("ValueError");
  EXPECT_THAT(thrown_by([&] { response.header("X", "a\r\nSet-Cookie: b"); }), refused);
  EXPECT_THAT(thrown_by([&] { response.header("X", "a\nb"); }), refused);
  EXPECT_THAT(thrown_by([&] { response.header("X\r\nY", "a"); }), refused);
  EXPECT_THAT(thrown_by([&] { response.header("X", std::string_view("\0", 1)); }), refused);
  EXPECT_THAT(thrown_by([&] { response.set_status(200, "OK\r\nX: y"); }), refused);
  EXPECT_THAT(thrown_by([] { Response("x", "text/html\r\nX: y"); }), refused);
  EXPECT_THAT(thrown_by([] { HTTPException(302).header("Location", "/\r\nX: y"); }), refused);
  EXPECT_EQ(response.headers().size(), 1U);
}

TEST(response, refuses_a_status_that_is_none) {
  Response response;
  for (const int status : {0, -1, 99, 100, 199, 600, 1000}) {
    EXPECT_THAT(thrown_by([&] { response.set_status(status); }), StartsWith("ValueError"))
        << status;
  }
  response.set_status(599, "Odd");
  EXPECT_EQ(response.reason(), "Odd");
}

TEST(response, of_an_exception_has_its_text_and_fields) {
  const Response plain = HTTPException(404).response();
  EXPECT_EQ(plain.status(), 404);
  EXPECT_EQ(plain.body(), "404: Not Found\n");
  const HTTPException custom = HTTPException(403, "no").header("X-Why", "because");
  EXPECT_EQ(custom.response().body(), "no\n");
  EXPECT_EQ(custom.response().headers().get("X-Why"), "because");
}

TEST(response, percent_decoding_leaves_what_is_no_escape) {
  EXPECT_EQ(percent_decode("a%20b%2Fc"), "a b/c");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
}

}  // namespace
}  // namespace asyncio::http
