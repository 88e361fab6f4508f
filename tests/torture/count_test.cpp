// Says how many runs were made: the figure is the point of `./dev test --torture`.
#include <chrono>
#include <cstdio>

#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

class Count : public ::testing::Environment {
 public:
  void SetUp() override { begin_ = std::chrono::steady_clock::now(); }
  void TearDown() override {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    std::printf("torture: %llu runs in %.1f s, %.0f a second\n",
                static_cast<unsigned long long>(total_runs), took.count(),
                static_cast<double>(total_runs) / took.count());
  }

 private:
  std::chrono::steady_clock::time_point begin_;
};

const ::testing::Environment* const registered =
    ::testing::AddGlobalTestEnvironment(new Count);  // googletest owns it

}  // namespace
}  // namespace asyncio::torture
