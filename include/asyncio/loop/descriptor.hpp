// What the loop knows of one open descriptor.
#pragma once

namespace asyncio {

/// Told when a direction of a descriptor may have become ready. Called by the backend while it
/// polls: it makes something ready and returns; it runs no user code.
class ReadinessListener {
 public:
  virtual void on_ready() noexcept = 0;

 protected:
  ~ReadinessListener() = default;
};

/// Registered once with the backend and edge-triggered, both directions at once. The call (recv,
/// send, accept) is always tried first; only when it said "would block" does one wait. Whoever owns
/// the descriptor keeps this object where it is while it is watched.
struct Descriptor {
  enum class Direction : unsigned char { read, write };

  int fd = -1;
  bool watched = false;
  // The last call would block, so wait for an edge before the next. Every event clears both.
  bool read_drained = false;
  bool write_full = false;
  // The peer has closed or the connection has failed: data and end may have come as one edge, so a
  // short read no longer means "drained"; only EAGAIN does.
  bool hang_up = false;
  ReadinessListener* reader = nullptr;
  ReadinessListener* writer = nullptr;

  /// For backends: an edge has come.
  void on_event(bool readable, bool writable, bool hung_up) noexcept {
    hang_up = hang_up || hung_up;
    if (readable || hung_up) {
      read_drained = false;
      if (ReadinessListener* listener = reader) listener->on_ready();
    }
    if (writable || hung_up) {
      write_full = false;
      if (ReadinessListener* listener = writer) listener->on_ready();
    }
  }
};

}  // namespace asyncio
