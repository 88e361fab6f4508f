// Boost.Beast on Asio's coroutines, a coroutine and a connection per request in flight: Beast has
// no pool. The same arguments and answers as bench/http/client.cpp, on one thread.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <string>

#include "bench/http/load.hpp"

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;
using Stream = beast::basic_stream<tcp, net::io_context::executor_type>;
template <class T>
using Task = net::awaitable<T, net::io_context::executor_type>;
constexpr net::use_awaitable_t<net::io_context::executor_type> kUse;

struct Work {
  tcp::endpoint server;
  std::string host;
  std::string target;
  bool close;
  std::size_t left;
  bench::Tally tally;
};

// One worker's connection; made when there is none.
struct Connection {
  std::optional<Stream> stream;
  beast::flat_buffer buffer;
};

Task<std::size_t> get_page(net::io_context& context, Connection& connection, const Work& work) {
  if (!connection.stream) {
    connection.stream.emplace(context);
    connection.buffer.clear();
    connection.buffer.reserve(64 * 1024);  // what is read at once is what it has room for
    connection.stream->expires_after(std::chrono::seconds(30));
    co_await connection.stream->async_connect(work.server, kUse);
    connection.stream->socket().set_option(tcp::no_delay(true));
  }
  connection.stream->expires_after(std::chrono::seconds(30));
  http::request<http::empty_body> request(http::verb::get, work.target, 11);
  request.set(http::field::host, work.host);
  request.set(http::field::user_agent, "beast");
  if (work.close) request.keep_alive(false);
  co_await http::async_write(*connection.stream, request, kUse);
  http::response<http::string_body> response;
  co_await http::async_read(*connection.stream, connection.buffer, response, kUse);
  if (response.result_int() >= 400) throw std::runtime_error("status of the page");
  if (!response.keep_alive()) connection.stream.reset();
  co_return response.body().size();
}

Task<void> get_pages(net::io_context& context, Work& work, Connection& connection) {
  while (work.left > 0) {
    --work.left;
    try {
      work.tally.bytes += co_await get_page(context, connection, work);
      ++work.tally.completed;
    } catch (const std::exception& error) {
      if (work.tally.failed++ == 0) std::fprintf(stderr, "%s\n", error.what());
      connection.stream.reset();
    }
  }
}

int main(int argc, char** argv) {
  const bench::Load load = bench::Load::parse(argc, argv);
  const std::size_t colon = load.url.find(':', 7);
  const std::size_t slash = load.url.find('/', colon);
  const auto port = static_cast<std::uint16_t>(std::stoi(load.url.substr(colon + 1)));
  Work work{{net::ip::make_address(load.url.substr(7, colon - 7)), port},
            load.url.substr(7, slash - 7),
            load.url.substr(slash),
            load.close,
            0,
            {}};
  net::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  std::vector<Connection> connections(load.in_flight);
  const auto run = [&](std::size_t requests) {
    work.left = requests;
    work.tally = {};
    for (Connection& connection : connections) {
      net::co_spawn(context, get_pages(context, work, connection), net::detached);
    }
    context.run();
    context.restart();
    return work.tally;
  };
  if (load.warm_up > 0) run(load.warm_up);
  const bench::Stopwatch watch;
  run(load.requests).print(watch);
}
