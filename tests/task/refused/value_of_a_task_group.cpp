// refused: a block whose resource may swallow exceptions has no value
#include "asyncio/coro/with.hpp"
#include "asyncio/task/task_group.hpp"

asyncio::Coro<int> body() {
  co_return co_await asyncio::with(asyncio::TaskGroup{},
                                   []() -> asyncio::Coro<int> { co_return 1; });
}
