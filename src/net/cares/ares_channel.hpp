// c-ares on a loop: its sockets are opened, read and watched through the backend, its timeouts are
// one timer. Nothing here blocks, and there is no thread.
#pragma once

#include <ares.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/loop/timer.hpp"

namespace asyncio::detail {

struct AresConfig {
  std::string servers;  ///< "10.0.0.1:53,[::1]:5353"
  int timeout_ms = 5000;
  int tries = 2;
  bool rotate = false;
};

/// Told when c-ares has done some work and none of it is on the stack any more.
class AresOwner {
 public:
  virtual void on_progress() noexcept = 0;

 protected:
  ~AresOwner() = default;
};

/// One channel of c-ares: queries share its sockets, one per server.
class AresChannel final : private TimerNode {
 public:
  AresChannel(Scheduler& scheduler, const AresConfig& config, AresOwner& owner);
  AresChannel(const AresChannel&) = delete;
  AresChannel& operator=(const AresChannel&) = delete;
  /// Ends what is under way with ARES_ECANCELLED. Not from a callback of c-ares.
  ~AresChannel();

  /// ARES_SUCCESS, or why it is of no use.
  [[nodiscard]] int status() const noexcept { return status_; }

  /// `callback` comes once, perhaps before this returns. It must not throw.
  void query(const std::string& name, int type, ares_callback callback, void* argument);
  /// Ends all queries, at once. Not from a callback of c-ares.
  void cancel() noexcept;
  /// c-ares says ARES_ECONNREFUSED also when every server has declined to answer. This says how one
  /// of them did so last, or ARES_SUCCESS when since then a port was found closed indeed.
  [[nodiscard]] int last_refusal() const noexcept { return last_refusal_; }

 private:
  // A socket of c-ares'.
  struct Watched final : ReadinessListener {
    Watched(AresChannel& of, int fd, bool is_stream) noexcept : channel(&of), stream(is_stream) {
      descriptor.fd = fd;
      descriptor.reader = this;
      descriptor.writer = this;
    }
    void on_ready() noexcept override {
      event = true;
      channel->queue();
    }
    AresChannel* channel;
    Descriptor descriptor;
    bool stream;
    bool event = false;
  };
  // On its own, because it may stand in the ready queue when the channel goes.
  struct Turn : ReadyNode {
    AresChannel* channel = nullptr;
    bool queued = false;
  };
  struct Functions;

  [[nodiscard]] Backend& backend() const noexcept { return scheduler_->backend(); }
  [[nodiscard]] Watched* find(int fd) const noexcept;
  int open(int family, int type, int protocol);
  void close(int fd) noexcept;
  void queue() noexcept;
  static void run_turn(ReadyNode* node);
  static void on_timer(TimerNode* timer);
  void process();
  void process(int fd);
  void arm();

  void note(std::span<const std::byte> message) noexcept;

  Scheduler* scheduler_;
  AresOwner* owner_;
  ares_channel channel_ = nullptr;
  int status_ = ARES_SUCCESS;
  int last_refusal_ = ARES_SUCCESS;
  std::vector<std::unique_ptr<Watched>> sockets_;
  std::unique_ptr<Turn> turn_;
  unsigned reads_left_ = 0;  // in this turn
};

}  // namespace asyncio::detail
