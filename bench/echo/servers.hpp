// The echo servers that are compared. Each prints nothing, reports its port, and serves until
// killed.
#pragma once

#include <functional>

namespace bench {

using ReportPort = std::function<void(int port)>;

/// What one would write by hand: level-triggered epoll, one 64 KB buffer.
void serve_raw(const ReportPort& report);
/// asyncio streams: read(), write(), drain().
void serve_streams(const ReportPort& report);

}  // namespace bench
