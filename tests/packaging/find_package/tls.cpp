#include <asyncio/asyncio.hpp>
#include <asyncio/ssl.hpp>
#include <cstdio>

int main() {
  const asyncio::ssl::SSLContext context = asyncio::ssl::create_default_context();
  std::puts("tls");
}
