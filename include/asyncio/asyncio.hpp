// All of asyncio but HTTP: `#include <asyncio/asyncio.hpp>`.
#pragma once

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/generator.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/run/runner.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "asyncio/threads/to_thread.hpp"
