// bench_echo_asyncio [READ_BYTES]: an echo server as a user of the library writes it.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "asyncio/net/server.hpp"
#include "asyncio/run/runner.hpp"

namespace {

std::ptrdiff_t read_bytes = 65536;

asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  for (;;) {
    const std::string data = co_await reader.read(read_bytes);
    if (data.empty()) break;
    writer.write(data);
    co_await writer.drain();
  }
}

asyncio::Coro<> serve() {
  asyncio::ServerOptions options;
  options.backlog = 4096;
  asyncio::Server server = co_await asyncio::start_server(echo, "127.0.0.1", 0, options);
  std::printf("listening %d\n", server.sockets().at(0).port());
  std::fflush(stdout);
  co_await server.serve_forever();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) read_bytes = std::atol(argv[1]);
  asyncio::run(serve());
}
