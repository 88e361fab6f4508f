#include "streams/socket_option.hpp"

#include <cerrno>

#include "asyncio/base/error.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio {
namespace detail {
namespace {

void check(int result, const char* operation) {
  if (result < 0) throw_os_error(-result, operation);
}

}  // namespace

void set_socket_option(Socket* socket, int level, int option, int value) {
  const bool has_options = socket != nullptr && socket->is_socket();
  check(has_options ? socket->set_option(level, option, value) : -ENOTSOCK, "setsockopt");
}

int get_socket_option(Socket* socket, int level, int option) {
  if (socket == nullptr || !socket->is_socket()) check(-ENOTSOCK, "getsockopt");
  if (!socket->is_open()) check(-EBADF, "getsockopt");
  int value = 0;
  check(socket->scheduler().backend().get_option(socket->fileno(), level, option, value),
        "getsockopt");
  return value;
}

}  // namespace detail

void StreamWriter::setsockopt(int level, int option, int value) {
  detail::set_socket_option(connection_.get(), level, option, value);
}

int StreamWriter::getsockopt(int level, int option) const {
  return detail::get_socket_option(connection_.get(), level, option);
}

}  // namespace asyncio
