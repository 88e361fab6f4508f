// refused: Passing coroutines is forbidden, use tasks explicitly.
#include <list>

#include "asyncio/task/wait.hpp"

asyncio::Coro<> body(std::list<asyncio::Coro<>> coroutines) {
  (void)co_await asyncio::wait(std::move(coroutines));
}
