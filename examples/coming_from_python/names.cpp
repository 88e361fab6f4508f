// Coming from Python: names.
// Run: build/dev/examples/coming_from_python/names
#include <netdb.h>

#include <asyncio/asyncio.hpp>
#include <iostream>

// [names]
asyncio::Coro<> main_task() {
  auto& loop = asyncio::get_running_loop();
  const auto addresses = co_await loop.getaddrinfo("localhost", 80, {.family = AF_INET});
  for (const asyncio::SocketAddress& address : addresses) {
    std::cout << address.host() << " " << address.port() << "\n";
  }

  asyncio::SocketAddress address;
  asyncio::SocketAddress::parse("127.0.0.1", 443, address);
  auto [host, service] = co_await loop.getnameinfo(address, NI_NUMERICHOST | NI_NUMERICSERV);
  std::cout << host << " " << service << "\n";

  try {
    co_await loop.getaddrinfo("not a host", 80);
  } catch (const asyncio::GaiError& e) {
    std::cout << "no such host: " << (e.error() == EAI_NONAME ? "True" : "False") << "\n";
  }
}
// [/names]

int main() { asyncio::run(main_task()); }
