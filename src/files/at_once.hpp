// Calls that are made on the loop's thread, if they need no wait there.
#pragma once

#include <cerrno>

#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/file_call.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

/// In a world that is made up every call is a job: it has its faults there, and its time.
inline bool may_try_at_once(Scheduler& scheduler) noexcept {
  return !scheduler.backend().is_simulated();
}

/// Whether the call is over. Else nothing was done, and it is to be begun.
inline bool run_at_once(FileCall& call) noexcept {
  call.at_once = true;
  call.run();
  call.at_once = false;
  return call.result != -EAGAIN && call.result != -EOPNOTSUPP;
}

}  // namespace asyncio::detail
