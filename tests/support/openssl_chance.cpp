// What replaces OpenSSL's generator in a whole process is of its API 1.1: 3.0 has nothing as
// simple.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "support/openssl_chance.hpp"

#include <openssl/rand.h>

#include "asyncio/testing/random.hpp"

namespace asyncio::test {

namespace {

testing::Random chance(0);

int draw(unsigned char* to, int count) {
  for (int i = 0; i < count; ++i) to[i] = static_cast<unsigned char>(chance.next());
  return 1;
}

int is_seeded() { return 1; }

constexpr RAND_METHOD kMethod{nullptr, &draw, nullptr, nullptr, &draw, &is_seeded};

}  // namespace

OpensslChance::OpensslChance(std::uint64_t seed) noexcept {
  chance = testing::Random(seed);
  RAND_set_rand_method(&kMethod);
}

OpensslChance::~OpensslChance() { RAND_set_rand_method(RAND_OpenSSL()); }

}  // namespace asyncio::test
