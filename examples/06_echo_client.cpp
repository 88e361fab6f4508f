// A TCP client: says something to 05_echo_server on the given port (8888) and prints the answer.
// Run: build/dev/examples/06_echo_client        (the server first)
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;

asyncio::Coro<> tcp_echo_client(int port, std::string message) {
  auto [reader, writer] =
      co_await asyncio::wait_for(asyncio::open_connection("localhost", port), 5s);

  std::printf("Send: %s\n", message.c_str());
  writer.write(message + "\n");
  co_await writer.drain();

  std::string answer = co_await reader.readline();
  std::printf("Received: %s", answer.c_str());

  writer.close();
  co_await writer.wait_closed();
  std::puts("closed");
}

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8888;
  try {
    asyncio::run(tcp_echo_client(port, "Hello World!"));
  } catch (const asyncio::OSError& error) {
    std::printf("%s\n", error.what());
  }
}
