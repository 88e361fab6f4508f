// Fetching as a careful C++ programmer would today: libcurl easy handles, one per worker, reused so
// that connections stay open.
#pragma once

#include <string>

#include "tools/asyncio/arm.hpp"

namespace asyncio::tool {

/// The arms sequential, threads:K and processes:K of the io workload. Each page is read whole into
/// memory; a transport error, a status of 400 or more, or an unexpected length is a failure.
/// Redirects are followed (10 at most); proxy settings of the environment are ignored, as aiohttp
/// does.
ArmResult run_blocking_arm(const ArmJob& job);

/// "7.88.1".
std::string curl_version_text();

}  // namespace asyncio::tool
