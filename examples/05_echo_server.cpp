// A TCP server that sends every line back, on the given port (8888), until Ctrl-C.
// Run: build/dev/examples/05_echo_server        try it: nc localhost 8888
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

asyncio::Coro<> handle(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  while (true) {
    std::string line = co_await reader.readline();
    if (line.empty()) break;
    writer.write(line);
    co_await writer.drain();
  }
}

asyncio::Coro<> main_task(int port) {
  auto server = co_await asyncio::start_server(handle, "127.0.0.1", port);
  std::printf("Serving on %s\n", server.sockets().front().to_string().c_str());
  std::fflush(stdout);
  co_await server.serve_forever();
}

int main(int argc, char** argv) {
  try {
    asyncio::run(main_task(argc > 1 ? std::atoi(argv[1]) : 8888));
  } catch (const asyncio::KeyboardInterrupt&) {
    std::puts("stopped");
  }
}
