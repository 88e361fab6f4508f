// `asyncio serve`: pages on demand, with delays and faults, for compare and for every example.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace asyncio::tool {

struct ServeOptions {
  std::optional<std::string> directory;  // files to serve; without it, generated pages only
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;          // 0: any free one
  std::chrono::nanoseconds delay{0};  // before each answer
  std::chrono::nanoseconds jitter{
      0};  // each delay varies by up to this, both ways, never below zero
  std::uint64_t page_bytes = 13 * 1024;  // of a generated page; exactly
  double fail_share = 0;                 // this share of answers, 0 to 1, is a 500
  std::uint64_t seed = 0;                // of jitter and failures
  std::size_t workers = 1;               // loops, each in a thread of its own; 0: one per core
  bool tls = false;                      // https
  std::string cert_file;                 // PEM; empty: one is made on the spot
  std::string key_file;                  // PEM; empty: it is in cert_file
  bool quiet = false;                    // no line per request, no greeting
  /// When >= 0: write "PORT\n" here, then close it, once connections are accepted.
  int ready_fd = -1;
};

/// Serves until SIGINT or SIGTERM, then ends gracefully. Every path that is neither a file nor a
/// special route answers with a generated page of page_bytes, so that compare may ask for /page/17.
/// Returns the exit code. Errors: ToolError ("cannot listen on 127.0.0.1:8000: ...").
int run_serve(const ServeOptions& options);

}  // namespace asyncio::tool
