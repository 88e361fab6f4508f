// The machine a measurement was made on, in the words a reader needs to judge it.
#pragma once

#include <cstdint>
#include <string>

namespace asyncio::tool {

struct Machine {
  std::string processor;  // "AMD EPYC", or the architecture when the kernel does not say
  unsigned cores = 0;     // those this process may use
  std::uint64_t memory_bytes = 0;
  std::string system;  // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
  std::string compiler;
};

Machine describe_machine();

}  // namespace asyncio::tool
