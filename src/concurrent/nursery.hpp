// The process that forks a pool's workers (why there is one: asyncio/concurrent/process_pool.hpp),
// as the pool sees it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "concurrent/owned_fd.hpp"

namespace asyncio::detail {

/// What the nursery tells.
struct NurseryReport {
  enum class Kind : std::uint32_t { started, failed, ended } kind = Kind::started;
  std::uint32_t worker = 0;
  pid_t pid = 0;
  int value = 0;  ///< failed: errno; ended: as Python's exit code, negative for a signal
};

/// The pool's end. Its process ends, and with it all workers, when this goes or its process dies.
class Nursery {
 public:
  /// Forks it. OSError.
  explicit Nursery(const std::function<void()>& initializer);
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;
  /// Waits for its end.
  ~Nursery();

  /// Becomes readable when there is a report.
  [[nodiscard]] int descriptor() const noexcept { return control_.get(); }
  /// Asks for a worker, whom the pool knows by `worker`, and gives this end of its channel; the
  /// other end is with the worker alone. OSError.
  OwnedFd start_worker(std::uint32_t worker);
  /// Sends a signal to a worker, unless it has ended.
  void signal_worker(std::uint32_t worker, int number) noexcept;
  enum class News : unsigned char { report, none, gone };
  News read(NurseryReport& report) noexcept;

 private:
  OwnedFd control_;
  pid_t pid_ = -1;
};

}  // namespace asyncio::detail
