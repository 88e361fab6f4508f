// Our client over TLS, as a user writes it: a session for pages over connections that are kept,
// open_connection for a new one each.
#include "bench/tls/load.hpp"

#include <asyncio/asyncio.hpp>
#include <asyncio/http.hpp>
#include <asyncio/ssl.hpp>
#include <vector>

namespace {

using asyncio::Coro;
using asyncio::ssl::SSLContext;

struct Work {
  const bench::TlsLoad* load;
  const SSLContext* context;
  asyncio::http::ClientSession* session;
  std::string url;
  std::string request;
  std::size_t left = 0;
  std::size_t resumed = 0;
  bench::Tally tally;
};

Coro<std::size_t> get_page(Work* work) {
  auto response = co_await work->session->get(work->url);
  response.raise_for_status();
  const std::string body = co_await std::move(response).read();
  co_return body.size();
}

Coro<std::size_t> meet(Work* work) {
  asyncio::ConnectOptions options;
  options.ssl = work->context;
  auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", work->load->port, options);
  if (writer.ssl_object()->session_reused()) ++work->resumed;
  writer.write(work->request);
  const std::string head = co_await reader.readuntil("\r\n\r\n");
  const std::string body = co_await reader.readexactly(2);
  writer.close();
  co_await writer.wait_closed();
  co_return body.size();
}

Coro<> do_share(Work* work) {
  while (work->left > 0) {
    --work->left;
    try {
      auto one = work->load->meet ? meet(work) : get_page(work);
      work->tally.bytes += co_await std::move(one);
      ++work->tally.completed;
    } catch (const std::exception& error) {
      if (work->tally.failed++ == 0) std::fprintf(stderr, "%s\n", error.what());
    }
  }
}

Coro<> do_all(Work* work, std::size_t requests) {
  work->left = requests;
  work->resumed = 0;
  work->tally = {};
  std::vector<Coro<>> shares;
  for (std::size_t i = 0; i < work->load->in_flight; ++i) shares.push_back(do_share(work));
  co_await asyncio::gather(std::move(shares));
}

Coro<> main_task(bench::TlsLoad load) {
  const SSLContext context = asyncio::ssl::create_default_context(
      asyncio::ssl::Purpose::SERVER_AUTH, {.cafile = load.cafile});
  asyncio::http::ClientSession session({.limit = 0, .ssl = &context});
  const std::string host = "127.0.0.1:" + std::to_string(load.port);
  Work work{&load,
            &context,
            &session,
            "https://" + host + load.target(),
            "GET / HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\n\r\n",
            0,
            0,
            {}};
  if (load.warm_up > 0) co_await do_all(&work, load.warm_up);
  const bench::TlsStopwatch watch(load.server);
  co_await do_all(&work, load.requests);
  watch.print(work.tally, work.resumed);
}

}  // namespace

int main(int argc, char** argv) { asyncio::run(main_task(bench::TlsLoad::parse(argc, argv))); }
