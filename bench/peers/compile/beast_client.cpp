// examples/11_http_client.cpp with Boost.Beast on Asio's coroutines: no redirects, no compression,
// and the URL taken apart by hand.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <string>

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using namespace std::chrono_literals;

net::awaitable<void> fetch(std::string host, std::string port, std::string target) {
  const auto executor = co_await net::this_coro::executor;
  net::ip::tcp::resolver resolver(executor);
  beast::tcp_stream stream(executor);
  stream.expires_after(10s);
  co_await stream.async_connect(co_await resolver.async_resolve(host, port, net::use_awaitable),
                                net::use_awaitable);
  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, host);
  request.set(http::field::accept, "text/*");
  co_await http::async_write(stream, request, net::use_awaitable);
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  co_await http::async_read(stream, buffer, response, net::use_awaitable);
  const std::string type(response[http::field::content_type]);
  std::printf("%d %s %zu bytes\n", response.result_int(), type.c_str(), response.body().size());
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  net::io_context context;
  net::co_spawn(context, fetch(argv[1], argv[2], argv[3]), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  try {
    context.run();
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
  }
}
