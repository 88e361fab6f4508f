// Executors and Parallel: `#include <asyncio/concurrent.hpp>`, link asyncio::concurrent.
#pragma once

#include "asyncio/asyncio.hpp"
#include "asyncio/concurrent/errors.hpp"
#include "asyncio/concurrent/parallel.hpp"
#include "asyncio/concurrent/process_pool_executor.hpp"
#include "asyncio/threads/concurrent_future.hpp"
#include "asyncio/threads/concurrent_wait.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"
