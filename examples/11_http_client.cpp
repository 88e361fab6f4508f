// An HTTP client: one session, a request with a timeout and a header field, and the errors worth
// telling apart.
// Run: build/dev/examples/11_http_client http://127.0.0.1:8080/hello/you
#include <asyncio/http.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;
namespace http = asyncio::http;

asyncio::Coro<> fetch(std::string url) {
  http::ClientSession session;
  auto response = co_await session.get(url).timeout(10s).header("Accept", "text/*");
  response.raise_for_status();
  std::string body = co_await response.text();
  std::printf("%d %s %zu bytes\n", response.status(), response.content_type().c_str(), body.size());
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    try {
      asyncio::run(fetch(argv[i]));
    } catch (const http::ClientResponseError& error) {
      std::printf("the server says %d\n", error.status());
    } catch (const std::exception& error) {  // refused, unknown host, timed out, not a URL ...
      std::printf("%s\n", error.what());
    }
  }
}
