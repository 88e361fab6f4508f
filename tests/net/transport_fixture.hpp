// What tests of protocols begin with: one that writes down what it is told, at either end of each
// connection, in a simulated world.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/task/sleep.hpp"
#include "support/simulated_test.hpp"

namespace asyncio::test {

// Writes down what it is told; a test gives single calls something to do.
class Recorder : public Protocol {
 public:
  void connection_made(Transport made) override {
    transport = made;
    note("made");
    if (on_made) on_made();
  }
  void data_received(std::string_view data) override {
    note("data " + std::string(data.substr(0, 20)));
    received += data;
    if (on_data) on_data();
  }
  bool eof_received() override {
    note("eof");
    if (on_eof) on_eof();
    return stays_open;
  }
  void connection_lost(std::exception_ptr error) override {
    note("lost" + (error ? " " + describe(error) : ""));
    open_when_lost = transport.fileno() >= 0;
    if (on_lost) on_lost();
    lost.set_result();
  }
  void pause_writing() override {
    note("pause");
    if (on_pause) on_pause();
  }
  void resume_writing() override {
    note("resume");
    if (on_resume) on_resume();
  }

  void note(std::string what) { events.push_back(std::move(what)); }

  Transport transport;
  std::vector<std::string> events;
  std::string received;
  bool stays_open = false;
  bool open_when_lost = false;
  Future<> lost = get_running_loop().create_future<>();
  std::function<void()> on_made, on_data, on_eof, on_lost, on_pause, on_resume;
};

using RecorderPtr = std::shared_ptr<Recorder>;

// A protocol on either end of each connection.
class TransportTest : public SimulatedTest {
 protected:
  Coro<Server> serve(ServerOptions options = {}) {
    auto factory = [this] {
      server_protocols.push_back(std::make_shared<Recorder>());
      if (prepare) prepare(*server_protocols.back());
      return server_protocols.back();
    };
    return EventLoop::create_server(factory, "127.0.0.1", 8888, options);
  }
  Coro<RecorderPtr> connect() {
    return [](RecorderPtr mine) -> Coro<RecorderPtr> {
      auto factory = [mine] { return mine; };
      auto connecting = EventLoop::create_connection(factory, "127.0.0.1", 8888);
      co_await std::move(connecting);
      co_await sleep(std::chrono::milliseconds(1));  // by now the server has accepted it
      co_return mine;
    }(std::make_shared<Recorder>());
  }
  Recorder& served(std::size_t index = 0) { return *server_protocols.at(index); }

  void TearDown() override {
    if (!loop().is_closed()) detail::cancel_and_join_all(scheduler());
    server_protocols.clear();
    SimulatedTest::TearDown();
  }

  std::deque<RecorderPtr> server_protocols;
  std::function<void(Recorder&)> prepare;
};

}  // namespace asyncio::test
