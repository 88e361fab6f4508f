#include "asyncio/http/headers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "asyncio/base/error.hpp"
#include "asyncio/http/errors.hpp"
#include "asyncio/http/message.hpp"

namespace asyncio::http {
namespace {

using namespace std::string_view_literals;
using Values = std::vector<std::string_view>;

TEST(Headers, finds_names_in_any_case_and_keeps_theirs) {
  Headers headers;
  headers.add("Content-Type", "text/html");
  EXPECT_EQ(headers.get("content-TYPE"), "text/html");
  EXPECT_EQ(headers.get("Content-Typ"), std::nullopt);
  EXPECT_EQ(headers.get("X", "fallback"), "fallback");
  EXPECT_TRUE(headers.contains("CONTENT-TYPE"));
  EXPECT_EQ(headers[0], (Header{"Content-Type", "text/html"}));
}

TEST(Headers, keeps_fields_in_order_with_repeats) {
  const Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.get_all("A"), (Values{"1", "3"}));
  EXPECT_EQ(headers.count("A"), 2U);
  EXPECT_EQ(headers.get("a"), "1");
  std::string all;
  for (const Header field : headers) all += std::string(field.name) + std::string(field.value);
  EXPECT_EQ(all, "A1B2a3");
}

TEST(Headers, set_replaces_all_of_a_name_at_the_place_of_the_first) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  headers.set("a", "4");
  EXPECT_EQ(headers, (Headers{{"a", "4"}, {"B", "2"}}));
  headers.set("C", "5");
  EXPECT_EQ(headers.size(), 3U);
}

TEST(Headers, remove_takes_all_of_a_name) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.remove("A"), 2U);
  EXPECT_EQ(headers.remove("A"), 0U);
  EXPECT_EQ(headers, (Headers{{"B", "2"}}));
}

TEST(Headers, do_not_grow_when_a_field_is_set_again_and_again) {
  Headers headers{{"A", "1"}};
  for (int i = 0; i < 10'000; ++i) headers.set("A", std::to_string(i));
  EXPECT_EQ(headers, (Headers{{"A", "9999"}}));
}

TEST(Headers, take_values_that_point_into_themselves) {
  Headers headers{{"A", std::string(100, 'x')}};
  for (int i = 0; i < 50; ++i) headers.add(headers[0].name, headers[0].value);
  for (int i = 0; i < 3; ++i) headers.set(headers[0].name, headers[0].value.substr(1));
  EXPECT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers.get("A"), std::string(97, 'x'));
}

TEST(Headers, drop_spaces_around_a_value) {
  EXPECT_EQ(Headers({{"A", " \t x y \t"}}).get("a"), "x y");
}

TEST(Headers, refuse_what_would_split_a_message_and_name_the_field) {
  Headers headers{{"A", "1"}};
  const Headers before = headers;
  for (const std::string_view bad :
       {"x\r\nSet-Cookie: y"sv, "x\n"sv, "\rx"sv, "x\0"sv, "\x01"sv, "x\x7f"sv, "a\x0b"sv}) {
    EXPECT_THROW(headers.add("B", bad), ValueError) << printable(bad);
    EXPECT_THROW(headers.set("A", bad), ValueError) << printable(bad);
  }
  for (const std::string_view bad :
       {""sv, "A B"sv, "A:"sv, "A\r\n"sv, "A\0"sv, "\xc3\xa9"sv, "A\t"sv}) {
    EXPECT_THROW(headers.add(bad, "x"), ValueError) << printable(bad);
    EXPECT_THROW(headers.set(bad, "x"), ValueError) << printable(bad);
  }
  EXPECT_EQ(headers, before);
  try {
    headers.add("X-Name", "a\r\nb");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(),
                 "header X-Name: its value has a control byte (\\r) at position 1; a line break "
                 "there would start another header");
  }
}

TEST(Headers, keep_non_ascii_values_and_tabs_inside) {
  EXPECT_EQ(Headers({{"A", "caf\xc3\xa9\tx"}}).get("a"), "caf\xc3\xa9\tx");
}

TEST(Headers, find_tokens_in_lists) {
  const Headers headers{{"Connection", "keep-alive, Upgrade"}, {"connection", "x;q=1"}};
  EXPECT_TRUE(headers.has_token("Connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("Connection", "X"));
  EXPECT_FALSE(headers.has_token("Connection", "keep"));
  EXPECT_FALSE(headers.has_token("Upgrade", "upgrade"));
}

TEST(Headers, merge_defaults_under_own_fields) {
  Headers own{{"Accept", "text/html"}};
  own.add_missing({{"accept", "*/*"}, {"Cookie", "a"}, {"Cookie", "b"}});
  EXPECT_EQ(own, (Headers{{"Accept", "text/html"}, {"Cookie", "a"}, {"Cookie", "b"}}));
  EXPECT_FALSE(own.unchecked());
}

TEST(Headers, behave_as_the_simplest_list_would) {
  // Random operations on Headers and on a vector of pairs.
  std::uint32_t seed = 7;
  const auto random = [&](std::uint32_t below) {
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
  };
  Headers headers;
  std::vector<std::pair<std::string, std::string>> model;
  for (int i = 0; i < 20'000; ++i) {
    std::string name(1, static_cast<char>((random(2) ? 'a' : 'A') + random(4)));
    const std::string value = std::to_string(random(1000));
    const auto same = [&](const auto& field) { return same_name(field.first, name); };
    switch (random(5)) {
      case 0:
      case 1:
        if (model.size() > 20) break;
        headers.add(name, value);
        model.emplace_back(name, value);
        break;
      case 2: {
        headers.set(name, value);
        const auto first = std::find_if(model.begin(), model.end(), same);
        if (first == model.end()) {
          model.emplace_back(name, value);
          break;
        }
        const std::size_t at = static_cast<std::size_t>(first - model.begin());
        model.erase(std::remove_if(first + 1, model.end(), same), model.end());
        model[at] = {name, value};
        break;
      }
      case 3:
        EXPECT_EQ(headers.remove(name), std::erase_if(model, same));
        break;
      default: {
        const auto first = std::find_if(model.begin(), model.end(), same);
        EXPECT_EQ(headers.get(name, "none"), first == model.end() ? "none" : first->second);
      }
    }
    ASSERT_EQ(headers.size(), model.size());
    for (std::size_t k = 0; k < model.size(); ++k) {
      ASSERT_EQ(headers[k], (Header{model[k].first, model[k].second}));
    }
  }
}

TEST(Printable, shows_control_bytes_and_cuts) {
  EXPECT_EQ(printable("a\r\n\t\x01\xff"), "a\\r\\n\\t\\x01\\xff");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

TEST(HttpDate, writes_the_preferred_form) {
  using namespace std::chrono;
  EXPECT_EQ(format_http_date(system_clock::time_point(784111777s)),
            "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(system_clock::time_point(951782400s + 999ms)),
            "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(HttpDate, reads_three_forms) {
  const auto expected = std::chrono::system_clock::time_point(std::chrono::seconds(784111777));
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), expected);
}

TEST(HttpDate, refuses_anything_else) {
  for (const char* text : {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 9999 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT x",
                           "Sun, 06 Foo 1994 08:49:37 GMT", "Sun Nov 6", "Sun,", ","}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(RetryAfter, is_seconds_or_a_date) {
  using namespace std::chrono;
  const system_clock::time_point now(784111777s);
  EXPECT_EQ(parse_retry_after(" 120 ", now), 120s);
  EXPECT_EQ(parse_retry_after("0", now), 0s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), 60s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), 0s);
  EXPECT_EQ(parse_retry_after("-1", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("1.5", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("soon", now), std::nullopt);
  EXPECT_GT(parse_retry_after("99999999999999999999999", now), 24h * 365);
}

TEST(Message, knows_methods_and_statuses) {
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "");
  EXPECT_TRUE(is_idempotent("PUT"));
  EXPECT_FALSE(is_idempotent("POST"));
  EXPECT_FALSE(is_idempotent("get"));
  EXPECT_FALSE(is_safe("PUT"));
  EXPECT_FALSE(response_has_body("HEAD", 200));
  EXPECT_FALSE(response_has_body("GET", 204));
  EXPECT_FALSE(response_has_body("CONNECT", 200));
  EXPECT_TRUE(response_has_body("CONNECT", 407));
  EXPECT_TRUE(is_redirect(308));
  EXPECT_FALSE(is_redirect(304));
}

TEST(HttpErrors, are_caught_as_what_they_are_in_aiohttp) {
  const auto caught = [](auto error, auto* as) {
    try {
      throw error;
    } catch (const std::remove_pointer_t<decltype(as)>&) {
      return true;
    } catch (...) {
      return false;
    }
  };
  const ClientConnectorError connector("host", 80, 111, "connect host:80: refused");
  EXPECT_TRUE(caught(connector, static_cast<ClientOSError*>(nullptr)));
  EXPECT_TRUE(caught(connector, static_cast<ClientConnectionError*>(nullptr)));
  EXPECT_TRUE(caught(connector, static_cast<std::exception*>(nullptr)));
  EXPECT_TRUE(caught(SocketTimeoutError("x"), static_cast<ServerTimeoutError*>(nullptr)));
  EXPECT_TRUE(caught(ClientPayloadError("x"), static_cast<ClientError*>(nullptr)));
  EXPECT_TRUE(caught(NonHttpUrlRedirectClientError("x", "y"), static_cast<InvalidURL*>(nullptr)));
  EXPECT_TRUE(caught(ContentEncodingError("x"), static_cast<BadHttpMessage*>(nullptr)));
  const TooManyRedirects error({.status = 302,
                                .message = "Found",
                                .headers = {},
                                .method = "GET",
                                .url = "http://h/",
                                .body = {}});
  EXPECT_STREQ(error.what(), "302, message='Found', url='http://h/'");
  EXPECT_EQ(connector.error(), 111);
  EXPECT_EQ(connector.host(), "host");
}

}  // namespace
}  // namespace asyncio::http
