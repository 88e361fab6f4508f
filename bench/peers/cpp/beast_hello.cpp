// Boost.Beast on Asio's coroutines, as in its own awaitable example: `PROGRAM PORT` answers GET /
// and GET /page, on one thread.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <string>

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;
using Stream = beast::basic_stream<tcp, net::io_context::executor_type>;
using Acceptor = net::basic_socket_acceptor<tcp, net::io_context::executor_type>;
template <class T>
using Task = net::awaitable<T, net::io_context::executor_type>;
constexpr net::use_awaitable_t<net::io_context::executor_type> kUse;

http::response<http::span_body<const char>> answer(const http::request<http::empty_body>& request) {
  static const std::string hello = "Hello, World!";
  static const std::string page(13'000, 'x');
  static const std::string nothing = "not found\n";
  const bool is_page = request.target() == "/page";
  const bool found = is_page || request.target() == "/";
  const std::string& text = is_page ? page : found ? hello : nothing;
  http::response<http::span_body<const char>> response(
      found ? http::status::ok : http::status::not_found, request.version());
  response.set(http::field::server, "beast");
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.keep_alive(request.keep_alive());
  response.body() = {text.data(), text.size()};
  response.prepare_payload();
  return response;
}

Task<void> serve(Stream stream) {
  beast::flat_buffer buffer;
  for (;;) {
    stream.expires_after(std::chrono::seconds(30));
    http::request<http::empty_body> request;
    co_await http::async_read(stream, buffer, request, kUse);
    auto response = answer(request);
    const bool keep_alive = response.keep_alive();
    co_await http::async_write(stream, response, kUse);
    if (!keep_alive) break;
  }
  stream.socket().shutdown(tcp::socket::shutdown_send);
}

Task<void> listen(net::io_context& context, std::uint16_t port) {
  Acceptor acceptor(context, {net::ip::make_address("127.0.0.1"), port});
  for (;;) {
    Stream stream(co_await acceptor.async_accept(kUse));
    stream.socket().set_option(tcp::no_delay(true));
    // A peer that closes ends its connection's coroutine with an exception.
    net::co_spawn(context, serve(std::move(stream)), net::detached);
  }
}

int main(int, char** argv) {
  net::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  net::co_spawn(context, listen(context, static_cast<std::uint16_t>(std::atoi(argv[1]))),
                net::detached);
  context.run();
}
