// Coming from Asio: sockets, errors without throws, channels, threads.
// Run: build/dev/examples/coming_from_asio/session
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// [server]
asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  while (true) {
    std::string data = co_await reader.read(1024);
    if (data.empty()) break;
    writer.write(data);
    co_await writer.drain();
  }
}
// [/server]

// [connect]
asyncio::Coro<> talk(int port) {
  auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", port);
  writer.write("hello\n");
  std::string line = co_await reader.readline();
  std::printf("%s", line.c_str());
}
// [/connect]

// [errors]
asyncio::Coro<> refused() {
  auto streams = co_await asyncio::try_(asyncio::open_connection("127.0.0.1", 1));
  if (!streams) {
    std::string why = asyncio::base::describe(streams.exception());
    std::puts(why.c_str());
  }
}
// [/errors]

// [channel]
asyncio::Coro<> produce(asyncio::Queue<int>& queue) {
  for (int item = 0; item < 3; ++item) co_await queue.put(item);
  queue.shutdown();
}

asyncio::Coro<> consume(asyncio::Queue<int>& queue) {
  try {
    while (true) {
      int item = co_await queue.get();
      std::printf("item %d\n", item);
    }
  } catch (const asyncio::QueueShutDown&) {
    std::puts("no more");
  }
}
// [/channel]

// [post]
asyncio::Coro<> from_elsewhere() {
  auto& loop = asyncio::get_running_loop();
  loop.call_soon([] { std::puts("in the next turn"); });

  auto arrived = loop.create_future<int>();
  auto worker = [&loop, arrived = &arrived] {  // on another thread: only a pointer goes along
    loop.call_soon_threadsafe([arrived] { arrived->set_result(7); });
  };
  co_await asyncio::to_thread(worker);
  std::printf("%d\n", co_await arrived);
}
// [/post]

asyncio::Coro<> main_task() {
  auto server = co_await asyncio::start_server(echo, "127.0.0.1", 0);
  co_await talk(server.sockets()[0].port());
  co_await refused();

  asyncio::Queue<int> queue(1);
  co_await asyncio::gather(produce(queue), consume(queue));
  co_await from_elsewhere();
}

int main() { asyncio::run(main_task()); }
