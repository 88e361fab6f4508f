// The options of the socket below a stream or a transport.
#pragma once

namespace asyncio {

class Socket;

namespace detail {

/// Null is what has no socket. Both throw OSError's kin.
void set_socket_option(Socket* socket, int level, int option, int value);
int get_socket_option(Socket* socket, int level, int option);

}  // namespace detail
}  // namespace asyncio
