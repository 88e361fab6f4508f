// asio_echo [READ_BYTES]: C++20 coroutines on Boost.Asio, one thread.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

std::size_t read_bytes = 65536;

asio::awaitable<void> echo(tcp::socket socket) {
  constexpr auto result = asio::as_tuple(use_awaitable);
  std::vector<char> data(read_bytes);
  for (;;) {
    const auto [read_error, size] = co_await socket.async_read_some(asio::buffer(data), result);
    if (read_error) co_return;
    const auto [write_error, written] =
        co_await asio::async_write(socket, asio::buffer(data, size), result);
    if (write_error) co_return;
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

int main(int argc, char** argv) {
  if (argc > 1) read_bytes = std::stoul(argv[1]);
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  std::cout << "listening " << acceptor.local_endpoint().port() << std::endl;
  asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
  context.run();
}
