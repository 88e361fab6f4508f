#include "tools/asyncio/cpu_arms.hpp"

#include <cstdint>

#include "tools/asyncio/item_pool.hpp"

namespace asyncio::tool {
namespace {

// Trial division on purpose: it needs no memory, so the arms compete for cores and for nothing
// else.
constexpr std::uint32_t kUpTo = 190'000;
constexpr std::uint64_t kSumOfPrimes = 1'550'847'685;

bool is_prime(std::uint32_t number) {
  for (std::uint32_t divisor = 3; divisor * divisor <= number; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return true;
}

}  // namespace

std::string compute_item(std::size_t) {
  std::uint64_t sum = 2;
  for (std::uint32_t number = 3; number < kUpTo; number += 2) {
    if (is_prime(number)) sum += number;
  }
  return sum == kSumOfPrimes ? "" : "the sum of primes is wrong: " + std::to_string(sum);
}

ArmResult run_cpu_arm(const ArmJob& job) {
  return run_blocking(job, [] { return DoItem(compute_item); });
}

}  // namespace asyncio::tool
