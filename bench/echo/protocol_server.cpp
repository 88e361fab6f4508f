// bench_echo_protocol [READ_BYTES]: an echo server as a Protocol, called back without a task. It
// always reads up to 256 KB, whatever it is asked for.
#include <cstdio>
#include <memory>

#include "asyncio/run/event_loop.hpp"
#include "asyncio/run/runner.hpp"

namespace {

class Echo : public asyncio::Protocol {
 public:
  void connection_made(asyncio::Transport made) override { transport_ = std::move(made); }
  void data_received(std::string_view data) override { transport_.write(data); }
  void pause_writing() override { transport_.pause_reading(); }
  void resume_writing() override { transport_.resume_reading(); }

 private:
  asyncio::Transport transport_;
};

asyncio::Coro<> serve() {
  asyncio::ServerOptions options;
  options.backlog = 4096;
  auto factory = [] { return std::make_shared<Echo>(); };
  asyncio::Server server =
      co_await asyncio::EventLoop::create_server(factory, "127.0.0.1", 0, options);
  std::printf("listening %d\n", server.sockets().at(0).port());
  std::fflush(stdout);
  co_await server.serve_forever();
}

}  // namespace

int main() { asyncio::run(serve()); }
