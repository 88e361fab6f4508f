#include "asyncio/streams/pipe.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio {
namespace detail {
namespace {

StreamReader make_reader(Scheduler& scheduler, int fd, bool is_socket, std::size_t limit) {
  const Ref<Connection> connection(new Connection(scheduler, fd, limit));
  if (!is_socket) connection->use_read_and_write();
  return StreamReader(Ref<ReadSide>(connection.get()));
}

StreamWriter make_writer(Scheduler& scheduler, int fd, bool is_socket) {
  const Ref<Connection> connection(new Connection(scheduler, fd, kStreamLimit));
  if (!is_socket) connection->use_read_and_write();
  connection->become_write_only();
  return StreamWriter(connection);
}

}  // namespace

std::exception_ptr prepare_pipe(Scheduler& scheduler, int fd, bool& is_socket) {
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

StreamReader make_pipe_reader(Scheduler& scheduler, int fd, std::size_t limit) {
  return make_reader(scheduler, fd, false, limit);
}

StreamWriter make_pipe_writer(Scheduler& scheduler, int fd) {
  return make_writer(scheduler, fd, false);
}

}  // namespace detail

Coro<StreamReader> connect_read_pipe(int fd, std::size_t limit) {
  Scheduler& scheduler = detail::running_scheduler();
  bool is_socket = false;
  if (std::exception_ptr error = detail::prepare_pipe(scheduler, fd, is_socket)) {
    co_await raise(error);
  }
  co_return detail::make_reader(scheduler, fd, is_socket, limit);
}

Coro<StreamWriter> connect_write_pipe(int fd) {
  Scheduler& scheduler = detail::running_scheduler();
  bool is_socket = false;
  if (std::exception_ptr error = detail::prepare_pipe(scheduler, fd, is_socket)) {
    co_await raise(error);
  }
  co_return detail::make_writer(scheduler, fd, is_socket);
}

}  // namespace asyncio
