// The seam through which everything non-deterministic enters: time, chance, readiness, the kernel's
// calls, blocking work. Above it nobody calls the kernel, so that a whole program can run in a
// simulated world. Backends: epoll (src/loop/epoll_backend.cpp); more will come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio {

/// Work that blocks, run on a worker thread; then `done` runs on the loop's thread. The owner keeps
/// the job alive until `done`; work that has begun cannot be stopped.
class BlockingJob : public base::ListNode {
 public:
  virtual ~BlockingJob() = default;
  virtual void run() noexcept = 0;   ///< worker thread
  virtual void done() noexcept = 0;  ///< loop thread, in a turn of its loop

 private:
  friend class Scheduler;
  // Its way from the worker to the loop, so that sending it home allocates nothing.
  struct Arrival : ReadyNode {
    explicit Arrival(BlockingJob* of) noexcept : job(of) { run = &arrived; }
    BlockingJob* job;
  };
  static void arrived(ReadyNode* node) { static_cast<Arrival*>(node)->job->done(); }

  Arrival arrival_{this};
};

/// What a look-up asks. Python: socket.getaddrinfo.
struct ResolveQuery {
  std::string host;     ///< empty: any address (passive) or loopback
  std::string service;  ///< port number or service name
  int family = 0;       ///< 0: IPv4 and IPv6
  bool passive = false;
};

struct ResolveAnswer {
  std::vector<SocketAddress> addresses;
  int error = 0;       ///< 0, or an EAI_ code
  std::string reason;  ///< text of the error
};

/// Hears of a signal of this process.
class SignalListener {
 public:
  /// In the signal handler itself, on any thread: only what is async-signal-safe.
  virtual void on_signal() noexcept = 0;

 protected:
  ~SignalListener() = default;
};

/// One per loop; every call comes from the loop's thread unless said otherwise. Calls to the kernel
/// return a result >= 0, or -errno; they never block and never throw.
class Backend {
 public:
  virtual ~Backend() = default;

  /// "epoll": for logs and `asyncio doctor`.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Monotonic; never the wall clock. Any thread.
  [[nodiscard]] virtual Nanoseconds now() noexcept = 0;
  /// Seconds since the Unix epoch, for Date and Expires headers. Any thread.
  [[nodiscard]] virtual std::int64_t wall_clock_seconds() noexcept = 0;
  /// 64 unpredictable bits.
  [[nodiscard]] virtual std::uint64_t random() noexcept = 0;

  /// Waits until a watched descriptor has an event, wake() was called, or `deadline` has come
  /// (absolute; Nanoseconds::min() only looks, max() has no deadline), and tells the listeners of
  /// descriptors with events. May return early.
  virtual void wait(Nanoseconds deadline) = 0;
  /// Makes a wait() that runs, or else the next one, return. Any thread, also a signal handler.
  virtual void wake() noexcept = 0;
  /// Whether a turn with ready work has to look for events all the same.
  [[nodiscard]] bool watching() const noexcept { return watched_ > 0; }

  /// Registers `descriptor` for both directions, edge-triggered. Returns 0 or -errno.
  virtual int watch(Descriptor& descriptor) = 0;
  /// Must come before close(): an event of an old descriptor must never reach a new one.
  virtual void unwatch(Descriptor& descriptor) noexcept = 0;

  /// Sockets are non-blocking and close-on-exec from birth. `type` and others are the kernel's.
  virtual int socket(int family, int type, int protocol) = 0;
  virtual int bind(int fd, const SocketAddress& address) = 0;
  virtual int listen(int fd, int backlog) = 0;
  virtual int accept(int fd, SocketAddress& peer) = 0;
  virtual int connect(int fd, const SocketAddress& address) = 0;
  virtual int shutdown_write(int fd) = 0;
  virtual std::ptrdiff_t recv(int fd, std::span<std::byte> buffer) = 0;
  virtual std::ptrdiff_t send(int fd, std::span<const std::byte> data) = 0;
  /// Several pieces in one call.
  virtual std::ptrdiff_t send_many(int fd, std::span<const std::span<const std::byte>> pieces) = 0;
  /// The pending error of a socket (SO_ERROR), as a positive errno; 0 when there is none.
  virtual int socket_error(int fd) = 0;
  virtual int set_option(int fd, int level, int option, int value) = 0;
  virtual int local_address(int fd, SocketAddress& out) = 0;
  virtual int peer_address(int fd, SocketAddress& out) = 0;
  virtual void close(int fd) noexcept = 0;
  /// How many descriptors this process may have open (RLIMIT_NOFILE).
  virtual std::size_t descriptor_limit() noexcept = 0;

  /// From now on `listener`, and nobody else, hears of signal `number`: a disposition belongs to
  /// the whole process, and the last one wins. Returns 0 or -errno: EINVAL for a signal that does
  /// not exist or cannot be caught, EPERM outside of the main thread.
  virtual int catch_signal(int number, SignalListener& listener) = 0;
  /// Ends that, unless somebody else has it by now: the default is back, for SIGINT what run() does
  /// at Ctrl-C. When it returns, no on_signal() of it is under way.
  virtual void release_signal(int number, SignalListener& listener) noexcept = 0;

  /// Runs `job` on a worker thread. Throws RuntimeError when no thread can be had.
  virtual void submit(BlockingJob& job) = 0;
  /// Blocks; call it from a job. Any thread.
  virtual ResolveAnswer resolve(const ResolveQuery& query) = 0;

  /// close_all(), which follows, is not to wait for the workers: they were given their time. The
  /// jobs that run then end on their worker's thread, also with done().
  virtual void abandon_workers() noexcept {}
  /// The loop closes: joins the workers (jobs that have not begun are handed back unrun) and lets
  /// go of the poller. Descriptors can still be closed afterwards, and now() still works.
  virtual void close_all() noexcept = 0;

 protected:
  std::size_t watched_ = 0;
};

/// Called by a backend's worker thread when a job has run: takes it to the loop's thread.
using JobSink = void (*)(void* context, BlockingJob& job) noexcept;

/// The best backend this kernel has, or the one that ASYNCIO_BACKEND names; RuntimeError when that
/// name is unknown. Finished jobs go to `sink` on their worker's thread.
std::unique_ptr<Backend> make_backend(JobSink sink, void* context);

}  // namespace asyncio
