// Our client, as a user writes it: a task per request in flight, one session.
#include <asyncio/http.hpp>
#include <vector>

#include "bench/http/load.hpp"

namespace {

using asyncio::Coro;

struct Work {
  asyncio::http::ClientSession* session;
  std::string url;
  bool close;
  std::size_t left;
  bench::Tally tally;
};

Coro<> get_pages(Work* work) {
  while (work->left > 0) {
    --work->left;
    try {
      auto request = work->session->get(work->url);
      if (work->close) request.header("Connection", "close");
      auto response = co_await request;
      response.raise_for_status();
      const std::string body = co_await std::move(response).read();
      ++work->tally.completed;
      work->tally.bytes += body.size();
    } catch (const std::exception& error) {
      if (work->tally.failed++ == 0) std::fprintf(stderr, "%s\n", error.what());
    }
  }
}

Coro<bench::Tally> run_load(asyncio::http::ClientSession* session, bench::Load load,
                            std::size_t requests) {
  Work work{session, load.url, load.close, requests, {}};
  std::vector<Coro<>> workers;
  for (std::size_t i = 0; i < load.in_flight; ++i) workers.push_back(get_pages(&work));
  co_await asyncio::gather(std::move(workers));
  co_return work.tally;
}

Coro<> main_task(bench::Load load) {
  asyncio::http::ClientSession session({.limit = 0});
  if (load.warm_up > 0) co_await run_load(&session, load, load.warm_up);
  const bench::Stopwatch watch;
  const bench::Tally tally = co_await run_load(&session, load, load.requests);
  tally.print(watch);
}

}  // namespace

int main(int argc, char** argv) { asyncio::run(main_task(bench::Load::parse(argc, argv))); }
