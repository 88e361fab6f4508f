#include "asyncio/base/function.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace asyncio::base {
namespace {

TEST(function, holds_what_can_only_be_moved) {
  UniqueFunction<int()> f = [p = std::make_unique<int>(7)] { return *p; };
  UniqueFunction<int()> g = std::move(f);
  EXPECT_FALSE(f);
  EXPECT_EQ(g(), 7);
}

TEST(function, passes_arguments_and_references_through) {
  UniqueFunction<void(int&, std::unique_ptr<int>)> f = [](int& out, std::unique_ptr<int> in) {
    out = *in;
  };
  int out = 0;
  f(out, std::make_unique<int>(3));
  EXPECT_EQ(out, 3);
}

// Counts its living copies, and can be made too large for the inside.
template <std::size_t kPadding>
struct Counted {
  explicit Counted(int* living) : count(living) { ++*count; }
  Counted(Counted&& other) noexcept : count(other.count) { ++*count; }
  ~Counted() { --*count; }
  void operator()() const {}
  int* count;
  std::array<char, kPadding> padding{};
};

template <std::size_t kPadding>
void destroys_the_callable_once() {
  int living = 0;
  {
    UniqueFunction<void()> f = Counted<kPadding>(&living);
    EXPECT_EQ(living, 1);
    UniqueFunction<void()> g = std::move(f);
    EXPECT_EQ(living, 1);
    g = Counted<kPadding>(&living);
    EXPECT_EQ(living, 1);
    g = nullptr;
    EXPECT_EQ(living, 0);
    g = Counted<kPadding>(&living);
  }
  EXPECT_EQ(living, 0);
}

TEST(function, destroys_a_small_callable_once) { destroys_the_callable_once<1>(); }
TEST(function, destroys_a_large_callable_once) { destroys_the_callable_once<200>(); }

}  // namespace
}  // namespace asyncio::base
