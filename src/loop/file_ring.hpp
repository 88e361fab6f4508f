// Calls on files through a ring of the kernel's (io_uring): no thread of ours, and what the page
// cache has is there at once.
#pragma once

#include <cstddef>

#include "asyncio/base/list.hpp"
#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/file_call.hpp"
#include "loop/ring.hpp"

namespace asyncio::detail {

/// A ring of its own, which any thread may use, and whose descriptor a Poller of either kind can
/// watch. A call that is under way belongs to it, with all it refers to, until it has gone to the
/// sink; nothing in the kernel can be left behind.
class FileRing final : public ReadinessListener {
 public:
  FileRing(JobSink sink, void* context, const RingCalls& calls = RingCalls::kernel()) noexcept
      : ring_(calls), sink_(sink), context_(context) {}
  FileRing(const FileRing&) = delete;
  FileRing& operator=(const FileRing&) = delete;
  ~FileRing() = default;

  /// 0 or -errno.
  int open(const RingOptions& options = {.entries = 128, .completions = 256});
  /// Whether this kind of call can go by a ring at all.
  [[nodiscard]] static bool can_take(const FileCall& call) noexcept;
  /// Whether the kernel can make it by this one.
  [[nodiscard]] bool takes(const FileCall& call) const noexcept;
  /// It is handed over by the next submit(), with the others of the turn.
  void start(FileCall& call) noexcept;
  /// False when the kernel wants to be asked again soon.
  bool submit() noexcept;
  /// How many calls have been started and are neither back nor refused.
  [[nodiscard]] std::size_t under_way() const noexcept { return waiting_count_ + in_kernel_; }
  /// Those that need a thread after all: the kernel would not make them by the ring.
  [[nodiscard]] FileCall* take_refused() noexcept;
  /// Calls that have not begun get -ECANCELED. The others are cancelled as far as that is possible;
  /// waits for the end of all.
  void finish() noexcept;

  /// The ring's descriptor, for the poller.
  Descriptor descriptor;
  void on_ready() noexcept override { fetch(); }

 private:
  void hand_over(FileCall& call) noexcept;
  void fetch() noexcept;
  void on_completion(const Completion& completion) noexcept;
  void end(FileCall& call, int result) noexcept;
  void enqueue(FileCall& call) noexcept;

  Ring ring_;
  JobSink sink_;
  void* context_;
  base::List<BlockingJob> waiting_;  // for their turn
  std::size_t waiting_count_ = 0;
  base::List<BlockingJob> running_;
  std::size_t in_kernel_ = 0;
  base::List<BlockingJob> refused_;
  std::size_t most_in_kernel_ = 0;
  bool finishing_ = false;
};

}  // namespace asyncio::detail
