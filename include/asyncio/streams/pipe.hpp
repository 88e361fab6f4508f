// Streams over what is no connection: the ends of a pipe, a terminal.
#pragma once

#include <cstddef>

#include "asyncio/coro/coro.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio {

/// A reader of `fd`, which from now on belongs to it and does not block: it is closed when the last
/// copy of the reader goes. ValueError unless it is a pipe, a socket or a character device such as
/// a terminal; then the caller keeps it. Note that the terminal behind standard input is often that
/// of standard output too, and then neither blocks.
/// Python: loop.connect_read_pipe with a StreamReaderProtocol.
[[nodiscard]] Coro<StreamReader> connect_read_pipe(int fd, std::size_t limit = kStreamLimit);

/// A writer to `fd`, which from now on belongs to it and does not block. When the last reader of
/// the pipe goes, the writer closes; what is unsent then, or written later, is a BrokenPipeError in
/// drain() and no signal. write_eof() is close(). ValueError as above.
/// Python: loop.connect_write_pipe.
[[nodiscard]] Coro<StreamWriter> connect_write_pipe(int fd);

namespace detail {

/// The same without an await, for a descriptor that does not block already.
StreamReader make_pipe_reader(Scheduler& scheduler, int fd, std::size_t limit = kStreamLimit);
StreamWriter make_pipe_writer(Scheduler& scheduler, int fd);

/// For a transport. As above.
Ref<Connection> make_pipe_end(Scheduler& scheduler, int fd, bool writing);
/// The end of a pipe as a transport needs it, with a reader and a writer, of which one is of use.
Coro<StreamPair> adopt_read_pipe(int fd);
Coro<StreamPair> adopt_write_pipe(int fd);

}  // namespace detail
}  // namespace asyncio
