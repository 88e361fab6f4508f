#include "asyncio/base/heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace asyncio::base {
namespace {

struct Timer : HeapNode {
  explicit Timer(std::int64_t when) { deadline = Nanoseconds(when); }
};

TEST(heap, gives_the_earliest_first) {
  TimerHeap heap;
  std::vector<Timer> timers;
  for (const int when : {5, 1, 4, 1, 3}) timers.emplace_back(when);
  for (Timer& timer : timers) heap.push(&timer);
  std::vector<std::int64_t> order;
  while (HeapNode* node = heap.pop()) order.push_back(node->deadline.count());
  EXPECT_EQ(order, (std::vector<std::int64_t>{1, 1, 3, 4, 5}));
}

TEST(heap, equal_deadlines_come_out_as_they_went_in) {
  TimerHeap heap;
  std::vector<Timer> timers(100, Timer(7));
  for (Timer& timer : timers) heap.push(&timer);
  for (Timer& timer : timers) EXPECT_EQ(heap.pop(), &timer);
  EXPECT_TRUE(heap.empty());
}

TEST(heap, a_removed_node_is_out_at_once_and_can_go_in_again) {
  TimerHeap heap;
  Timer a(1);
  Timer b(2);
  heap.push(&a);
  heap.push(&b);
  heap.remove(&a);
  EXPECT_FALSE(a.in_heap());
  EXPECT_EQ(heap.size(), 1U);
  EXPECT_EQ(heap.top(), &b);
  a.deadline = Nanoseconds(3);
  heap.push(&a);
  EXPECT_EQ(heap.pop(), &b);
  EXPECT_EQ(heap.pop(), &a);
  EXPECT_EQ(heap.pop(), nullptr);
}

// Against a model that cannot be wrong: a vector searched for the least (deadline, order of entry).
class Model {
 public:
  void push(Timer* timer) { timers_.push_back(timer); }
  void remove(Timer* timer) { std::erase(timers_, timer); }
  [[nodiscard]] Timer* least() const {
    const auto first = std::min_element(timers_.begin(), timers_.end(), [](Timer* a, Timer* b) {
      return a->deadline < b->deadline;
    });
    return first == timers_.end() ? nullptr : *first;
  }
  [[nodiscard]] const std::vector<Timer*>& timers() const { return timers_; }

 private:
  std::vector<Timer*> timers_;  // in order of entry, so that min_element finds the eldest of equals
};

TEST(heap, agrees_with_a_model_over_random_pushes_pops_and_removals) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    TimerHeap heap;
    Model model;
    std::vector<std::unique_ptr<Timer>> owned;
    for (int step = 0; step < 3000; ++step) {
      const auto what = random() % 10;
      if (what < 5) {
        owned.push_back(std::make_unique<Timer>(random() % 50));
        heap.push(owned.back().get());
        model.push(owned.back().get());
      } else if (what < 8 && !model.timers().empty()) {
        Timer* victim = model.timers()[random() % model.timers().size()];
        heap.remove(victim);
        model.remove(victim);
      } else {
        Timer* expected = model.least();
        ASSERT_EQ(heap.pop(), expected) << "seed " << seed << ", step " << step;
        if (expected != nullptr) model.remove(expected);
      }
      ASSERT_EQ(heap.size(), model.timers().size());
      ASSERT_EQ(heap.top(), model.least()) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(heap, takes_all_that_are_due_in_the_order_of_single_pops_and_stays_a_heap) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    TimerHeap heap;
    TimerHeap popped;
    std::vector<std::unique_ptr<Timer>> owned;
    std::vector<std::unique_ptr<Timer>> twins;
    for (auto i = random() % 200; i > 0; --i) {
      const std::int64_t when = random() % 40;
      owned.push_back(std::make_unique<Timer>(when));
      twins.push_back(std::make_unique<Timer>(when));
      heap.push(owned.back().get());
      popped.push(twins.back().get());
    }
    const Nanoseconds now(random() % 45);
    std::vector<std::uint64_t> expected;
    while (popped.top() != nullptr && popped.top()->deadline <= now) {
      expected.push_back(popped.pop()->order);
    }
    EXPECT_EQ(heap.count_until(now), expected.size());
    std::vector<std::uint64_t> taken;
    heap.take_until(now, [&taken](HeapNode* node) {
      EXPECT_FALSE(node->in_heap());
      taken.push_back(node->order);
    });
    EXPECT_EQ(taken, expected) << "seed " << seed;
    while (HeapNode* rest = popped.pop()) ASSERT_EQ(heap.pop()->order, rest->order) << seed;
    EXPECT_TRUE(heap.empty());
  }
}

}  // namespace
}  // namespace asyncio::base
