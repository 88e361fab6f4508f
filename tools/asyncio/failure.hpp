// Why a download failed, as a word to group by, a line to read, and whether to try again.
#pragma once

#include <exception>
#include <string>

namespace asyncio::tool {

struct Failure {
  std::string reason;  // the same for all failures of a kind: "connection refused", "HTTP 404"
  std::string detail;  // the whole: "connect 127.0.0.1:81: connection refused"
  bool retry = false;
  bool unreachable = false;  // not even a connection came about
};

/// Of an exception that is no CancelledError. `detail` does not repeat the address that was asked
/// for; nothing in it is escaped.
Failure failure_of(const std::exception_ptr& error);

/// Of an answer of 400 or more.
Failure failure_of_status(int status, const std::string& phrase);

}  // namespace asyncio::tool
