// refused: this resource's tasks would outlive the coroutine's locals: use with
#include "asyncio/coro/enter.hpp"
#include "asyncio/task/task_group.hpp"

asyncio::Coro<> body() {
  auto& tg = co_await asyncio::enter<asyncio::TaskGroup>();
  tg.cancel();
}
