// Hello world: what a process costs that does next to nothing. bench/startup is ours.
#include <boost/asio.hpp>
#include <cstdio>

namespace net = boost::asio;

net::awaitable<void> main_task() {
  std::puts("hello");
  co_await net::post(net::use_awaitable);
  std::puts("world");
}

int main() {
  net::io_context context(1);
  net::co_spawn(context, main_task(), net::detached);
  context.run();
}
