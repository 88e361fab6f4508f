#include <asyncio/asyncio.hpp>
#include <asyncio/base/log.hpp>
#include <asyncio/ssl.hpp>
#include <cstdio>
#include <string>

static const char* const PEM = ASYNCIO_EXAMPLE_FOLDER "/localhost.pem";

// [tls]
asyncio::Coro<> handle(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  std::string line = co_await reader.readline();
  writer.write(line);
  writer.close();
}

asyncio::Coro<> main_task() {
  auto ours = asyncio::ssl::create_default_context(asyncio::ssl::Purpose::CLIENT_AUTH);
  ours.load_cert_chain(PEM);
  auto server = co_await asyncio::start_server(handle, "127.0.0.1", 0, {.ssl = &ours});
  int port = server.sockets()[0].port();

  auto theirs = asyncio::ssl::create_default_context();  // trusts what the system trusts
  theirs.load_verify_locations(PEM);                     // and this one
  auto [reader, writer] = co_await asyncio::open_connection(
      "127.0.0.1", port, {.ssl = &theirs, .server_hostname = "localhost"});
  std::puts(writer.ssl_object()->version().c_str());
  writer.write("hello\n");
  std::printf("%s", (co_await reader.read()).c_str());
  writer.close();
  co_await writer.wait_closed();

  try {
    auto streams = co_await asyncio::open_connection("127.0.0.1", port, {.ssl = &theirs});
  } catch (const asyncio::ssl::SSLCertVerificationError& error) {
    std::puts(error.verify_message().c_str());
  }
  server.close();
}
// [/tls]

int main() {
  // The server has something to say of a client that breaks off.
  asyncio::set_log_handler([](asyncio::LogLevel, std::string_view) {});
  asyncio::run(main_task());
}
