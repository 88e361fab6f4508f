#include <asyncio/http.hpp>
#include <cstdio>

asyncio::Coro<> main_task() {
  asyncio::http::ClientSession session;
  auto response = co_await asyncio::try_(session.get("nonsense"));
  if (!response.ok()) std::puts("http");
}

int main() { asyncio::run(main_task()); }
