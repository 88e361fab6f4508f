// How often a name is looked up: the world counts.
#include "http/resolver_cache.hpp"

#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;
using asyncio::testing::Operation;

class resolver_cache : public SimulatedHttpTest {
 protected:
  std::uint64_t look_ups() { return backend().calls(Operation::resolve); }
};

TEST_F(resolver_cache, remembers_an_answer_for_ten_seconds) {
  auto main = [&]() -> Coro<> {
    network().add_host("one.example", "10.0.0.1");
    network().add_host("two.example", "10.0.0.2");
    ResolverCache cache(get_running_loop().scheduler());
    for (int i = 0; i < 3; ++i) {
      const auto addresses = co_await cache.resolve("one.example", 80);
      EXPECT_EQ(addresses.at(0).to_string(), "10.0.0.1:80");
    }
    EXPECT_EQ(look_ups(), 1U);
    co_await sleep(6s);
    co_await cache.resolve("one.example", 80);
    co_await cache.resolve("two.example", 80);
    EXPECT_EQ(look_ups(), 2U);
    co_await sleep(5s);
    co_await cache.resolve("one.example", 80);
    EXPECT_EQ(look_ups(), 3U) << "eleven seconds are too old";
    co_await cache.resolve("two.example", 80);
    EXPECT_EQ(look_ups(), 3U) << "and five are not";
  };
  run(main());
}

TEST_F(resolver_cache, a_thousand_requests_at_once_are_one_look_up) {
  auto main = [&]() -> Coro<> {
    network().add_host("one.example", "10.0.0.1");
    ResolverCache cache(get_running_loop().scheduler());
    std::vector<Coro<std::vector<SocketAddress>>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(cache.resolve("one.example", 80));
    const auto answers = co_await gather(std::move(all));
    EXPECT_EQ(answers.size(), 1000U);
    EXPECT_EQ(look_ups(), 1U);
  };
  run(main());
}

TEST_F(resolver_cache, a_failure_is_not_remembered) {
  auto main = [&]() -> Coro<> {
    ResolverCache cache(get_running_loop().scheduler());
    for (int i = 0; i < 2; ++i) {
      Result<std::vector<SocketAddress>> answer =
          co_await try_(cache.resolve("nowhere.example", 80));
      EXPECT_FALSE(answer.ok());
    }
    EXPECT_EQ(look_ups(), 2U);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
