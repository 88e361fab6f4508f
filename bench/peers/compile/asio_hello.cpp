// examples/01_hello.cpp with Boost.Asio's coroutines.
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cstdio>
#include <string>

namespace net = boost::asio;
using namespace net::experimental::awaitable_operators;
using namespace std::chrono_literals;

net::awaitable<void> say(std::string text, std::chrono::milliseconds delay) {
  net::steady_timer timer(co_await net::this_coro::executor, delay);
  co_await timer.async_wait(net::use_awaitable);
  std::puts(text.c_str());
}

net::awaitable<void> main_task() { co_await (say("world", 1s) && say("hello", 500ms)); }

int main() {
  net::io_context context;
  net::co_spawn(context, main_task(), net::detached);
  context.run();
}
