// The seam through which everything non-deterministic enters: time, chance, readiness, the kernel's
// calls, blocking work. Above it nobody calls the kernel, so that a whole program can run in a
// simulated world. Backends: the kernel's (src/loop/polling_backend.cpp), with epoll or io_uring,
// and that world (testing/simulated_backend.hpp).
#pragma once

#include <array>
#include <cerrno>
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

/// What getnameinfo gives. Python: socket.getnameinfo.
struct NameAnswer {
  std::string host;
  std::string service;
  int error = 0;       ///< 0, or an EAI_ code
  std::string reason;  ///< text of the error
};

/// One datagram, as it came.
struct ReceivedDatagram {
  SocketAddress from;
  bool truncated = false;  ///< the buffer was too small, the rest is lost
};

/// What a descriptor stands for, as far as a loop cares.
enum class DescriptorKind : unsigned char { socket, pipe, character_device, file, other };

/// What a descriptor is ready for at this moment.
struct Readiness {
  bool readable = false;  ///< also at the end, and when it has failed
  bool writable = false;  ///< also when it has failed
};

/// Tells two files with the same path apart.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool is_socket = false;
  bool operator==(const FileIdentity&) const = default;
};

/// How a child process ended.
struct ChildExit {
  int code = 0;    ///< of exit(), when no signal ended it
  int signal = 0;  ///< what ended it, or 0
};

struct SpawnRequest;  // loop/spawn_request.hpp
class FileCall;       // loop/file_call.hpp

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

  // What not every world has: -ENOSYS by itself.

  /// Both ends of a connection in memory, of a socket type (SOCK_STREAM ...) of the Unix family.
  virtual int socket_pair(int /*type*/, std::array<int, 2>& /*ends*/) { return -ENOSYS; }
  /// The end to read from, then the one to write to; non-blocking and close-on-exec, both.
  virtual int open_pipe(std::array<int, 2>& /*ends*/) { return -ENOSYS; }
  /// For pipes and terminals; a pipe without a reader is -EPIPE, and no signal.
  virtual std::ptrdiff_t read(int /*fd*/, std::span<std::byte> /*buffer*/) { return -ENOSYS; }
  virtual std::ptrdiff_t write_many(int /*fd*/,
                                    std::span<const std::span<const std::byte>> /*pieces*/) {
    return -ENOSYS;
  }
  /// One datagram; a buffer that is too small loses the rest of it.
  virtual std::ptrdiff_t recv_from(int /*fd*/, std::span<std::byte> /*buffer*/,
                                   ReceivedDatagram& /*info*/) {
    return -ENOSYS;
  }
  /// An empty address: the one it is connected to.
  virtual std::ptrdiff_t send_to(int /*fd*/, std::span<const std::byte> /*data*/,
                                 const SocketAddress& /*to*/) {
    return -ENOSYS;
  }
  /// From a file to a stream socket without a copy. 0 at the file's end.
  virtual std::ptrdiff_t send_file(int /*out*/, int /*file*/, std::int64_t /*offset*/,
                                   std::size_t /*count*/) {
    return -ENOSYS;
  }
  virtual int get_option(int /*fd*/, int /*level*/, int /*option*/, int& /*value*/) {
    return -ENOSYS;
  }
  virtual int set_blocking(int /*fd*/, bool /*blocking*/) { return -ENOSYS; }
  /// A second descriptor of the same thing, close-on-exec.
  virtual int duplicate(int /*fd*/) { return -ENOSYS; }
  /// -EBADF for a number that is not open.
  virtual int kind_of(int /*fd*/, DescriptorKind& /*kind*/) { return -ENOSYS; }
  /// Only looks. For who must know whether an edge has left something behind.
  virtual int poll_now(int /*fd*/, Readiness& /*ready*/) { return -ENOSYS; }
  /// Of the file at `path` itself, not of what a link leads to.
  virtual int identify_file(const std::string& /*path*/, FileIdentity& /*identity*/) {
    return -ENOSYS;
  }
  virtual int unlink(const std::string& /*path*/) { return -ENOSYS; }

  /// Begins a call on a file: on the kernel's ring where there is one, else as a job. done() comes
  /// in a turn of the loop; until then the call is the backend's, with all it refers to. Throws
  /// RuntimeError when no thread can be had.
  virtual void start(FileCall& call);

  /// Starts a child process, and gives its number; `pidfd` becomes readable when it ends. Blocks
  /// until the program runs or could not be run (-errno then): call it from a job. Any thread.
  virtual int spawn(const SpawnRequest& /*request*/, int& /*pidfd*/) { return -ENOSYS; }
  /// To exactly this child, which a recycled number is not. -ESRCH when it has ended.
  virtual int signal_child(int /*pidfd*/, int /*number*/) { return -ENOSYS; }
  /// Takes the exit of a child that has ended: 0. -EAGAIN while it runs; -ECHILD when somebody else
  /// took it.
  virtual int reap_child(int /*pidfd*/, ChildExit& /*exit*/) { return -ENOSYS; }

  /// Whether this world is made up: names are then resolve()'s to answer, and nobody asks a
  /// server.
  [[nodiscard]] virtual bool is_simulated() const noexcept { return false; }

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
  /// The reverse of resolve(). `flags` are getnameinfo's (NI_). Blocks; call it from a job.
  virtual NameAnswer name_of(const SocketAddress& address, int flags);

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
