#include <string>
#include <utility>

#include "asyncio/net/server.hpp"
#include "asyncio/run/runner.hpp"
#include "bench/echo/servers.hpp"

namespace bench {
namespace {

asyncio::Coro<> echo(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  for (;;) {
    std::string data = co_await reader.read(65536);
    if (data.empty()) break;
    writer.write(data);
    co_await writer.drain();
  }
}

asyncio::Coro<> serve(ReportPort report) {
  asyncio::ServerOptions options;
  options.backlog = 1000;
  asyncio::Server server = co_await asyncio::start_server(echo, "127.0.0.1", 0, options);
  report(server.sockets().at(0).port());
  co_await server.serve_forever();
}

}  // namespace

void serve_streams(const ReportPort& report) { asyncio::run(serve(report)); }

}  // namespace bench
