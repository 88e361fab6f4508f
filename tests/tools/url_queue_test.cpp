#include "tools/asyncio/url_queue.hpp"

#include <gtest/gtest.h>

#include <set>

namespace asyncio::tool {
namespace {

using Taken = std::vector<std::size_t>;

Taken take_all(UrlQueue& queue) {
  Taken taken;
  while (const auto index = queue.take()) taken.push_back(*index);
  return taken;
}

TEST(url_queue, gives_all_in_order_without_a_limit) {
  UrlQueue queue({"http://a/1", "http://b/1", "http://a/2"}, 0);
  EXPECT_EQ(take_all(queue), (Taken{0, 1, 2}));
  EXPECT_EQ(queue.left(), 0U);
}

TEST(url_queue, passes_over_a_host_that_has_its_share) {
  UrlQueue queue({"http://a/1", "http://a/2", "http://a/3", "http://b/1", "http://b:8/1"}, 1);
  EXPECT_EQ(take_all(queue), (Taken{0, 3, 4}));
  EXPECT_EQ(queue.left(), 2U);
  queue.give_back(3);
  EXPECT_EQ(take_all(queue), Taken());
  queue.give_back(0);
  EXPECT_EQ(take_all(queue), Taken{1});
}

TEST(url_queue, a_host_with_several_places_fills_them) {
  UrlQueue queue({"http://a/1", "http://a/2", "http://a/3", "http://a/4"}, 3);
  EXPECT_EQ(take_all(queue), (Taken{0, 1, 2}));
  queue.give_back(1);
  queue.give_back(0);
  EXPECT_EQ(take_all(queue), Taken{3});
  queue.give_back(2);
  queue.give_back(3);
  EXPECT_EQ(take_all(queue), Taken());
}

TEST(url_queue, never_gives_one_twice_and_never_more_than_the_share) {
  std::vector<std::string> urls;
  for (int i = 0; i < 300; ++i) urls.push_back("http://host" + std::to_string(i % 7) + "/");
  UrlQueue queue(urls, 2);
  std::set<std::size_t> seen;
  Taken busy;
  while (seen.size() < urls.size()) {
    for (const std::size_t index : take_all(queue)) {
      EXPECT_TRUE(seen.insert(index).second);
      busy.push_back(index);
    }
    ASSERT_FALSE(busy.empty());
    ASSERT_LE(busy.size(), 14U);
    // Not the oldest: ends come in any order.
    queue.give_back(busy[busy.size() / 2]);
    busy.erase(busy.begin() + static_cast<std::ptrdiff_t>(busy.size() / 2));
  }
}

TEST(url_queue, what_is_no_address_is_given_too) {
  UrlQueue queue({"nothing", "http://a/"}, 1);
  EXPECT_EQ(take_all(queue), (Taken{0, 1}));
}

}  // namespace
}  // namespace asyncio::tool
