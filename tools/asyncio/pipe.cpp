#include "tools/asyncio/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error(errno, "make a pipe", "");
  Pipe pipe;
  pipe.read_end.reset(ends[0]);
  pipe.write_end.reset(ends[1]);
  return pipe;
}

}  // namespace asyncio::tool
