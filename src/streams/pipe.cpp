#include "asyncio/streams/pipe.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio {
namespace detail {
namespace {

using ConnectionRef = Ref<Connection>;

ConnectionRef make_end(Scheduler& scheduler, int fd, bool is_socket, std::size_t limit) {
  ConnectionRef connection(new Connection(scheduler, fd, limit));
  if (!is_socket) connection->use_read_and_write();
  return connection;
}

ConnectionRef make_writing_end(Scheduler& scheduler, int fd, bool is_socket) {
  ConnectionRef connection = make_end(scheduler, fd, is_socket, kStreamLimit);
  connection->become_write_only();
  return connection;
}

StreamReader reader_of(const ConnectionRef& connection) {
  return StreamReader(Ref<ReadSide>(connection.get()));
}

// Makes `fd` one that does not block. Null when all is well.
std::exception_ptr prepare(Scheduler& scheduler, int fd, bool& is_socket) {
  DescriptorKind kind = DescriptorKind::other;
  if (const int result = scheduler.backend().kind_of(fd, kind); result < 0) {
    return make_os_error(-result, "fstat", "descriptor " + std::to_string(fd));
  }
  if (kind == DescriptorKind::file || kind == DescriptorKind::other) {
    return std::make_exception_ptr(
        ValueError("Pipe transport is only for pipes, sockets and character devices"));
  }
  is_socket = kind == DescriptorKind::socket;
  if (const int result = scheduler.backend().set_blocking(fd, false); result < 0) {
    return make_os_error(-result, "fcntl", "descriptor " + std::to_string(fd));
  }
  return nullptr;
}

Coro<ConnectionRef> adopt(int fd, bool writing, std::size_t limit) {
  Scheduler& scheduler = running_scheduler();
  bool is_socket = false;
  if (std::exception_ptr error = prepare(scheduler, fd, is_socket)) co_await raise(error);
  if (writing) co_return make_writing_end(scheduler, fd, is_socket);
  co_return make_end(scheduler, fd, is_socket, limit);
}

}  // namespace

StreamReader make_pipe_reader(Scheduler& scheduler, int fd, std::size_t limit) {
  return reader_of(make_end(scheduler, fd, false, limit));
}

StreamWriter make_pipe_writer(Scheduler& scheduler, int fd) {
  return StreamWriter(make_writing_end(scheduler, fd, false));
}

Ref<Connection> make_pipe_end(Scheduler& scheduler, int fd, bool writing) {
  return writing ? make_writing_end(scheduler, fd, false)
                 : make_end(scheduler, fd, false, kStreamLimit);
}

Coro<StreamPair> adopt_read_pipe(int fd) {
  const ConnectionRef connection = co_await pass(adopt(fd, false, kStreamLimit));
  co_return StreamPair(reader_of(connection), StreamWriter(connection));
}

Coro<StreamPair> adopt_write_pipe(int fd) {
  const ConnectionRef connection = co_await pass(adopt(fd, true, kStreamLimit));
  co_return StreamPair(reader_of(connection), StreamWriter(connection));
}

}  // namespace detail

Coro<StreamReader> connect_read_pipe(int fd, std::size_t limit) {
  const detail::ConnectionRef connection = co_await pass(detail::adopt(fd, false, limit));
  co_return detail::reader_of(connection);
}

Coro<StreamWriter> connect_write_pipe(int fd) {
  const detail::ConnectionRef connection = co_await pass(detail::adopt(fd, true, kStreamLimit));
  co_return StreamWriter(connection);
}

}  // namespace asyncio
