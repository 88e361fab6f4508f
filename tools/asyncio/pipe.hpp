// Both ends of a pipe, closed on exec.
#pragma once

#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

/// Errors: ToolError (too many open files).
Pipe make_pipe();

}  // namespace asyncio::tool
