#include <asyncio/concurrent.hpp>
#include <cstdio>
#include <string>
#include <vector>

struct Order {
  int number = 0;
  std::string text;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number, text);
  }
};

int main() {
  asyncio::concurrent::Parallel parallel({.n_jobs = 2});
  const auto text = [](const Order& order) { return order.text; };
  const std::vector<Order> orders{{1, "concurrent"}};
  std::puts(parallel(text, orders).at(0).c_str());
}
