// Child processes: `#include <asyncio/process.hpp>`.
#pragma once

#include "asyncio/process/subprocess.hpp"
#include "asyncio/process/subprocess_protocol.hpp"
