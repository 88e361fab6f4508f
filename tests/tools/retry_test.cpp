#include "tools/asyncio/retry.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>

#include "asyncio/base/error.hpp"
#include "asyncio/http/errors.hpp"
#include "tools/asyncio/failure.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;

template <class E, class... Args>
Failure failure(Args&&... args) {
  return failure_of(std::make_exception_ptr(E(std::forward<Args>(args)...)));
}

TEST(retry, pauses_double_up_to_a_limit_and_are_spread) {
  const RetryPolicy policy{.retries = 9, .first_pause = 1s, .longest_pause = 5s};
  EXPECT_EQ(pause_before(policy, 2, 1, {}), 1s);
  EXPECT_EQ(pause_before(policy, 3, 1, {}), 2s);
  EXPECT_EQ(pause_before(policy, 4, 1, {}), 4s);
  EXPECT_EQ(pause_before(policy, 5, 1, {}), 5s);
  EXPECT_EQ(pause_before(policy, 1000, 1, {}), 5s);
  EXPECT_EQ(pause_before(policy, 3, 0, {}), 1s);
  EXPECT_EQ(pause_before(policy, 3, 0.5, {}), 1500ms);
}

TEST(retry, keeps_to_what_the_server_asks_for_within_reason) {
  const RetryPolicy policy{.first_pause = 1s, .longest_retry_after = 60s};
  EXPECT_EQ(pause_before(policy, 2, 0, 7s), 7s);
  EXPECT_EQ(pause_before(policy, 2, 1, 7s), 8s);
  EXPECT_EQ(pause_before(policy, 2, 0, 86400s), 60s);
  EXPECT_EQ(pause_before(policy, 2, 0, 0s), 0s);
}

TEST(retry, reads_seconds_and_the_three_forms_of_a_date) {
  constexpr std::int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", kNow), 120s);
  EXPECT_EQ(parse_retry_after("0", kNow), 0s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", kNow), 10s);
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:49:47 GMT", kNow), 10s);
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:49:47 1994", kNow), 10s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", kNow), 0s) << "in the past";
}

TEST(retry, a_field_that_cannot_be_read_asks_for_nothing) {
  for (const char* text : {"", "soon", "-1", "1.5", "12 s", "Sun, 06 Nov 1994", "0x10"}) {
    EXPECT_EQ(parse_retry_after(text, 0), std::nullopt) << text;
  }
  EXPECT_GT(parse_retry_after("99999999999999999999", 0).value(), 24h) << "long, not wrapped";
}

TEST(retry, is_for_answers_that_may_change_soon) {
  for (int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(worth_retrying(status)) << status;
  for (int status : {200, 301, 400, 401, 403, 404, 410, 501, 505}) {
    EXPECT_FALSE(worth_retrying(status)) << status;
  }
}

TEST(failure, a_connection_that_did_not_come_about_is_tried_again) {
  const Failure refused = failure<http::ClientConnectorError>(
      "h", std::uint16_t{81}, ECONNREFUSED,
      "GET http://h:81/: connect 1.2.3.4:81: connection refused");
  EXPECT_EQ(refused.reason, "connection refused");
  EXPECT_EQ(refused.detail, "connect 1.2.3.4:81: connection refused");
  EXPECT_TRUE(refused.retry);
  EXPECT_TRUE(refused.unreachable);
}

TEST(failure, an_unknown_host_stays_unknown) {
  const Failure unknown = failure<http::ClientConnectorDNSError>(
      "nosuch.invalid", std::uint16_t{80}, -2,
      "GET http://nosuch.invalid/: getaddrinfo nosuch.invalid: unknown");
  EXPECT_EQ(unknown.reason, "unknown host");
  EXPECT_FALSE(unknown.retry);
  EXPECT_TRUE(unknown.unreachable);
}

TEST(failure, what_broke_on_the_way_is_tried_again) {
  EXPECT_TRUE(failure<http::ClientPayloadError>("cut").retry);
  EXPECT_TRUE(failure<http::ServerDisconnectedError>("gone").retry);
  EXPECT_TRUE(failure<http::ClientOSError>(ECONNRESET, "reset").retry);
  EXPECT_TRUE(failure<TimeoutError>("late").retry);
  EXPECT_FALSE(failure<http::ClientPayloadError>("cut").unreachable);
}

TEST(failure, what_the_server_means_or_our_disk_lacks_is_not) {
  EXPECT_FALSE(failure<http::BadStatusLine>("no HTTP").retry);
  EXPECT_FALSE(failure<http::InvalidURL>("x", "no scheme").retry);
  const Failure full = failure<OSError>(ENOSPC, "write dir/x");
  EXPECT_EQ(full.reason, "no space left on device");
  EXPECT_EQ(full.detail, "write dir/x: no space left on device");
  EXPECT_FALSE(full.retry);
}

TEST(failure, of_a_status_names_it) {
  EXPECT_EQ(failure_of_status(404, "Not Found").reason, "HTTP 404");
  EXPECT_EQ(failure_of_status(404, "Not Found").detail, "HTTP 404 Not Found");
  EXPECT_EQ(failure_of_status(599, "").detail, "HTTP 599");
  EXPECT_TRUE(failure_of_status(503, "").retry);
}

}  // namespace
}  // namespace asyncio::tool
