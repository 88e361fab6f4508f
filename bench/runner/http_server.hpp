// nginx with one worker on core 0, on loopback, with a configuration and a folder of its own that
// go when it goes: the server that the clients are measured against, and the best peer of ours.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"

namespace bench {

class HttpServer {
 public:
  static constexpr std::size_t kPageBytes = 13'000;

  /// std::runtime_error when nginx does not answer within some seconds.
  explicit HttpServer(const std::string& nginx);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// "http://127.0.0.1:8080"; it has "/" (`return 200`, 13 bytes) and "/page".
  [[nodiscard]] std::string address() const;
  /// The page. Each call has another address of the loopback net, so that ports which an earlier
  /// client has used up do not matter.
  std::string next_url();
  [[nodiscard]] const Background& process() const { return *nginx_; }

 private:
  static constexpr int kAddresses = 32;

  std::filesystem::path folder_;
  int port_ = 0;
  int next_address_ = 0;
  std::unique_ptr<Background> nginx_;
};

/// nginx's path, with its version noted; empty, and a note, when it is not there.
std::string find_nginx(Setting& setting, ItemReport& report);

/// One of 127.0.0.1 that is free now: most servers cannot be asked which port they got.
int free_port();
/// std::runtime_error when the server does not answer within some seconds.
void wait_until_answers(Background& server, int port, const std::string& name);

}  // namespace bench
