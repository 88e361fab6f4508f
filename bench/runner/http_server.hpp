// The server that the clients are measured against: nginx with one worker on core 0, on loopback,
// with a configuration and a folder of its own that go when it goes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

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

  /// The page. Each call has another address of the loopback net, so that ports which an earlier
  /// client has used up do not matter.
  std::string next_url();

 private:
  static constexpr int kAddresses = 32;

  std::filesystem::path folder_;
  int port_ = 0;
  int next_address_ = 0;
  std::unique_ptr<Background> nginx_;
};

}  // namespace bench
