// The programs of the peers, bench/peers/ECOSYSTEM/PROGRAM: installed at the versions that its
// folder pins and built into build/bench/peers on first use. What cannot be had is left out: the
// report says why, and what to do.
#pragma once

#include <string>
#include <vector>

#include "bench/runner/items.hpp"

namespace bench {

struct Peer {
  std::string name;                  // the column: "Go", "tokio", "uvloop" ...
  std::vector<std::string> command;  // empty: not there

  [[nodiscard]] bool found() const { return !command.empty(); }
};

enum class PythonLoop { asyncio, uvloop };

/// python/PROGRAM.py; its first argument is the loop's name.
Peer python_peer(Setting& setting, ItemReport& report, const std::string& program, PythonLoop loop);
/// go/PROGRAM/main.go, on one thread: GOMAXPROCS=1.
Peer go_peer(Setting& setting, ItemReport& report, const std::string& program);
/// rust/src/bin/PROGRAM.rs, on tokio.
Peer rust_peer(Setting& setting, ItemReport& report, const std::string& program);
/// node/PROGRAM.mjs
Peer node_peer(Setting& setting, ItemReport& report, const std::string& program);
/// cpp/PROGRAM.cpp, which bench/CMakeLists.txt builds if its library is there: asio_*, beast_*,
/// uv_*, curl_*, raw_* and openssl_* (epoll by hand, the yardsticks).
Peer cpp_peer(Setting& setting, ItemReport& report, const std::string& program);

}  // namespace bench
