// One listening socket.
#pragma once

#include "asyncio/io/socket.hpp"
#include "asyncio/loop/handle.hpp"
#include "asyncio/loop/ready_queue.hpp"

namespace asyncio::detail {

class ServerState;

/// Accepts in turns of the loop, at most backlog + 1 connections in each, so that a flood of them
/// leaves room for those that are there.
class Listener final : private ReadinessListener {
 public:
  Listener(ServerState& server, Scheduler& scheduler, int backlog) noexcept;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] Socket& socket() noexcept { return socket_; }
  /// 0 or -errno.
  int start() noexcept;
  void close() noexcept;
  /// close() removes the file that bind() has made at the path, while it is that one.
  void unlink_at_close();

 private:
  struct Turn : ReadyNode {
    Listener* listener = nullptr;
  };

  void on_ready() noexcept override { queue(); }
  void queue() noexcept;
  static void run_turn(ReadyNode* node);
  void accept_some();
  void pause(int error);

  ServerState* server_;
  Socket socket_;
  int backlog_;
  Turn turn_;
  std::string path_;  // to remove; empty for none
  FileIdentity made_;
  TimerHandle retry_;
  bool queued_ = false;
};

}  // namespace asyncio::detail
