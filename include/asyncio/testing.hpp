// Tests of programs in a simulated world: `#include <asyncio/testing.hpp>`, link asyncio::testing.
#pragma once

#include "asyncio/testing/network.hpp"
#include "asyncio/testing/random.hpp"
#include "asyncio/testing/simulated_backend.hpp"
#include "asyncio/testing/simulation.hpp"
#include "asyncio/testing/torture.hpp"
#include "asyncio/testing/trace.hpp"
