#include "testing/descriptor_numbers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace asyncio::testing::detail {

int reserve_descriptor_number() noexcept {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return number >= 0 ? number : -errno;
}

void release_descriptor_number(int number) noexcept { ::close(number); }

}  // namespace asyncio::testing::detail
