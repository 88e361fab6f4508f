// As RawServer, in the simulated world of the running loop: no thread, and time that jumps.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/net/server.hpp"
#include "asyncio/run/event_loop.hpp"
#include "support/virtual_backend.hpp"

namespace asyncio::test {

/// One connection whose request has been read. The last copy closes it.
class SimulatedExchange {
 public:
  SimulatedExchange(StreamWriter writer, std::string request)
      : writer_(std::move(writer)), request_(std::move(request)) {}

  [[nodiscard]] const std::string& request() const { return request_; }
  [[nodiscard]] std::string path() const {
    const std::size_t begin = request_.find(' ') + 1;
    return request_.substr(begin, request_.find(' ', begin) - begin);
  }
  void send(std::string_view bytes) { writer_.write(bytes); }
  void answer(std::string_view body, std::string_view status = "200 OK",
              std::string_view fields = "") {
    send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n" + std::string(fields) + "\r\n" + std::string(body));
  }

 private:
  StreamWriter writer_;
  std::string request_;
};

class SimulatedServer {
 public:
  using Handler = std::function<void(SimulatedServer&, SimulatedExchange)>;
  explicit SimulatedServer(Handler handler) : handler_(std::move(handler)) {}

  /// Begins to listen, and gives the URL of a path.
  Coro<std::string> start(std::string path) {
    auto serve = [this](StreamReader reader, StreamWriter writer) -> Coro<> {
      std::string request = co_await reader.readuntil("\r\n\r\n");
      SimulatedExchange exchange(std::move(writer), std::move(request));
      ++counts_[exchange.path()];
      handler_(*this, std::move(exchange));
    };
    server_ = co_await start_server(serve, "127.0.0.1", 0);
    co_return "http://127.0.0.1:" + std::to_string(server_->sockets().at(0).port()) + path;
  }
  /// Before the loop ends.
  void stop() {
    kept_.clear();
    server_.reset();
  }

  // For handlers, as RawServer's.

  void keep(SimulatedExchange exchange) { kept_.push_back(std::move(exchange)); }
  [[nodiscard]] int count(const std::string& path) const { return counts_.at(path); }

 private:
  Handler handler_;
  std::optional<Server> server_;
  std::vector<SimulatedExchange> kept_;
  std::map<std::string, int> counts_;
};

/// For RunOptions::loop_factory.
inline std::unique_ptr<EventLoop> simulated_loop() {
  return std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
}

}  // namespace asyncio::test
