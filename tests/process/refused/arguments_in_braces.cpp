// refused: no matching function for call to .*create_subprocess_exec
// A std::string_view could be made of the braces: of two pointers into different texts.
#include "asyncio/process/subprocess.hpp"

asyncio::Coro<> body() {
  auto process = co_await asyncio::create_subprocess_exec("ls", {"-l", "-a"},
                                                          {.stdout = asyncio::subprocess::PIPE});
}
