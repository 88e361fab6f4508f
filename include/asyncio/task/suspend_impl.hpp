// Template body of suspend.hpp; include that.
#pragma once

#include "asyncio/coro/pass.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

template <class Derived, class T>
Coro<T> AsCoro<Derived, T>::run(Derived awaiter) {
  if constexpr (std::is_void_v<T>) {
    co_await pass(awaiter);
  } else {
    co_return co_await pass(awaiter);
  }
}

}  // namespace asyncio
