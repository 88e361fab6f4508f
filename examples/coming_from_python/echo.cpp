// Coming from Python: TCP streams.
// Run: build/dev/examples/coming_from_python/echo
#include <asyncio/asyncio.hpp>
#include <cctype>
#include <cstdio>
#include <string>

namespace {

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

// [streams]
asyncio::Coro<> handle(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  while (auto line = co_await reader.next_line()) {
    writer.write(upper(*line));
    co_await writer.drain();
  }
  writer.close();
}

asyncio::Coro<> main_task() {
  auto server = co_await asyncio::start_server(handle, "127.0.0.1", 0);
  int port = server.sockets()[0].port();

  auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", port);
  writer.writelines({"hello\n", "world\n"});
  co_await writer.drain();
  writer.write_eof();
  while (auto line = co_await reader.next_line()) std::printf("%s", line->c_str());

  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}
// [/streams]

int main() { asyncio::run(main_task()); }
