// A backend on the real kernel: how its thread sleeps and is woken. With descriptors to watch it
// sleeps in a Poller, which is chosen when the first comes; without any, on a futex.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "loop/file_ring.hpp"
#include "loop/kernel_backend.hpp"
#include "loop/poller.hpp"

namespace asyncio::detail {

/// What may be used of io_uring, where the kernel has it and lets us.
struct Engines {
  std::string_view name = "auto";  ///< as ASYNCIO_BACKEND names it
  bool ring_for_events = false;
  bool ring_for_files = false;
  bool say_when_refused = false;  ///< somebody has asked for io_uring and should hear of it
};

class PollingBackend final : public KernelBackend {
 public:
  PollingBackend(JobSink sink, void* context, const Engines& engines) noexcept
      : KernelBackend(sink, context), engines_(engines), sink_(sink), context_(context) {}
  PollingBackend(const PollingBackend&) = delete;
  PollingBackend& operator=(const PollingBackend&) = delete;
  ~PollingBackend() override;

  /// What it waits with, or what it would try first.
  std::string_view name() const noexcept override;
  void wait(Nanoseconds deadline) override;
  void wake() noexcept override;
  int watch(Descriptor& descriptor) override;
  void unwatch(Descriptor& descriptor) noexcept override;
  void start(FileCall& call) override;
  void close_all() noexcept override;

 private:
  // What the loop's thread does, as far as wake() must know. `woken` is what wake() leaves.
  enum State : std::uint32_t { awake, woken, on_futex, in_poller };

  bool fall_asleep(State how) noexcept;
  void sleep_on_futex(Nanoseconds deadline) noexcept;
  void sleep_in_poller(Nanoseconds deadline);
  int make_poller();
  int choose_poller();
  void drop_poller() noexcept;
  [[nodiscard]] bool has_poller() const noexcept;
  FileRing* file_ring();
  void submit_files() noexcept;
  void take_refused_calls() noexcept;
  void count_watched() noexcept;

  std::atomic<std::uint32_t> state_{awake};
  Engines engines_;
  JobSink sink_;
  void* context_;
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<FileRing> files_;  // watched by the poller
  int event_ = -1;                   // an eventfd: written to end a sleep in the poller, never read
  unsigned process_ = 0;             // whose all that is; a forked child has copies it must not use
  std::size_t descriptors_ = 0;
};

}  // namespace asyncio::detail
