// Coming from Python: the loop object, for programs that use it.
// Run: build/dev/examples/coming_from_python/event_loop
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// [loop]
asyncio::Coro<> main_task() {
  auto& loop = asyncio::get_running_loop();
  loop.call_soon([] { std::puts("soon"); });
  loop.call_later(1ms, [] { std::puts("later"); });
  auto never = loop.call_later(2ms, [] { std::puts("never"); });
  never.cancel();

  auto answer = loop.create_future<int>();
  loop.call_later(3ms, [answer] { answer.set_result(42); });
  std::printf("%d\n", co_await answer);
  // [/loop]

  // [handler]
  auto report = [](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    try {
      std::rethrow_exception(context.exception);
    } catch (const std::exception& error) {
      std::printf("handler: %s\n", error.what());
    }
  };
  auto broken = [] { throw asyncio::ValueError("nobody awaits me"); };

  loop.set_exception_handler(report);
  loop.call_soon(broken);
  co_await asyncio::sleep(0s);
  // [/handler]
}

// [older]
asyncio::Coro<std::string> greet() {
  co_await asyncio::sleep(1ms);
  co_return "hello";
}

int main() {
  asyncio::run(main_task());

  auto loop = asyncio::new_event_loop();
  std::printf("%s\n", loop->run_until_complete(greet()).c_str());
  loop->close();
}
// [/older]
