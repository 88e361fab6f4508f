// EventLoop's calls on sockets, each of which is an await of a lower row.
#include "asyncio/io/sock_calls.hpp"
#include "asyncio/run/event_loop.hpp"
#include "net/sock_connect.hpp"

namespace asyncio {

detail::SockRecv EventLoop::sock_recv(const PlainSocket& sock, std::size_t count) {
  return {sock, count};
}
detail::SockRecvInto EventLoop::sock_recv_into(const PlainSocket& sock,
                                               std::span<std::byte> buffer) {
  return {sock, buffer};
}
detail::SockRecvFrom EventLoop::sock_recvfrom(const PlainSocket& sock, std::size_t count) {
  return {sock, count};
}
detail::SockRecvFromInto EventLoop::sock_recvfrom_into(const PlainSocket& sock,
                                                       std::span<std::byte> buffer,
                                                       std::size_t count) {
  return {sock, buffer, count};
}
detail::SockSendAll EventLoop::sock_sendall(const PlainSocket& sock, std::string_view data) {
  return sock_sendall(sock, std::as_bytes(std::span(data)));
}
detail::SockSendAll EventLoop::sock_sendall(const PlainSocket& sock,
                                            std::span<const std::byte> data) {
  return {sock.state(), data};
}
detail::SockSendTo EventLoop::sock_sendto(const PlainSocket& sock, std::string_view data,
                                          const SocketAddress& address) {
  return {sock, std::as_bytes(std::span(data)), address};
}
detail::SockConnect EventLoop::sock_connect(const PlainSocket& sock, const SocketAddress& address) {
  return {sock.state(), address};
}
Coro<> EventLoop::sock_connect(const PlainSocket& sock, std::string_view host, int port) {
  return detail::connect_by_name(sock.state(), std::string(host), port);
}
detail::SockAccept EventLoop::sock_accept(const PlainSocket& sock) {
  return detail::SockAccept(sock);
}
Coro<std::size_t> EventLoop::sock_sendfile(const PlainSocket& sock, int file,
                                           SendfileOptions options) {
  return detail::send_file_over(sock.state(), file, options);
}

}  // namespace asyncio
