// OpenSSL without memory: each of its allocations in the course of a connection fails once.
#include <gmock/gmock.h>
#include <openssl/crypto.h>

#include <cstdlib>

#include "asyncio/task/timeouts.hpp"
#include "tls/tls_fixture.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::client_context;
using test::server_context;

// The allocation that fails, counted down; 0 for none.
std::size_t allocations_left = 0;

bool this_one_fails() { return allocations_left > 0 && --allocations_left == 0; }

void* allocate(std::size_t size, const char*, int) {
  return this_one_fails() ? nullptr : std::malloc(size);
}
void* allocate_again(void* old, std::size_t size, const char*, int) {
  return size > 0 && this_one_fails() ? nullptr : std::realloc(old, size);
}
void give_back(void* memory, const char*, int) { std::free(memory); }

// Before main(), because OpenSSL takes no other functions once it has allocated.
const bool ours = CRYPTO_set_mem_functions(allocate, allocate_again, give_back) == 1;

class tls_without_memory : public test::TlsTest {
 protected:
  // The whole life of a connection. Whether it went well.
  Coro<bool> connect_and_ask(const ssl::SSLContext& context) {
    auto opened = co_await try_(open_connection("127.0.0.1", 8443, secure(context)));
    if (!opened.ok()) co_return false;
    auto [reader, writer] = std::move(opened).value();
    writer.write("hello\n");
    Result<std::string> line = co_await try_(reader.readline());
    const bool well = line.ok() && line.value() == "hello\n";
    writer.close();
    Result<void> closed = co_await try_(writer.wait_closed());
    co_return well&& closed.ok();
  }
};

// Fault X15
TEST_F(tls_without_memory, a_connection_fails_and_the_next_one_works) {
  ASSERT_TRUE(ours);
  const ssl::SSLContext server_side = server_context();
  run([&]() -> Coro<> {
    Server server =
        co_await start_server(test::echo_lines, "127.0.0.1", 8443, serving(server_side));
    const ssl::SSLContext warm = client_context();
    const bool works = co_await connect_and_ask(warm);
    EXPECT_TRUE(works) << "OpenSSL has made what it keeps";
    std::size_t failed = 0;
    for (std::size_t which = 1; which < 100'000; ++which) {
      const ssl::SSLContext context = client_context();
      allocations_left = which;
      const bool well = co_await wait_for(connect_and_ask(context), 200s);
      const bool enough = allocations_left > 0;
      allocations_left = 0;
      if (enough) {
        EXPECT_TRUE(well) << "no allocation failed";
        break;
      }
      failed += well ? 0 : 1;
    }
    EXPECT_GT(failed, 100U);
    const ssl::SSLContext context = client_context();
    const bool still_works = co_await connect_and_ask(context);
    EXPECT_TRUE(still_works);
    server.close();
  }());
  (void)take_logs();
}

}  // namespace
}  // namespace asyncio
