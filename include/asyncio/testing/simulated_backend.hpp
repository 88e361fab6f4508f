// The simulated world, behind the seam that epoll stands behind in earnest: time that jumps, chance
// that can be had again, a network in memory, work that blocks done without threads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/file_call.hpp"
#include "asyncio/testing/network.hpp"
#include "asyncio/testing/random.hpp"
#include "asyncio/testing/trace.hpp"

namespace asyncio {
class Scheduler;
}

namespace asyncio::testing {

/// Every task waits, and nothing can ever wake one. The text lists the tasks and where they wait.
class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The loop has made `turn_limit` turns and no time has passed: tasks wake each other without end.
class Livelock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SimulationOptions {
  std::uint64_t seed = 0;
  /// What nobody promises comes in an order that the seed chooses: descriptors that are ready in
  /// one poll, jobs that end at one instant.
  bool shuffle = true;
  /// Timers of equal deadlines too (Python promises nothing there either, but many lean on it).
  bool hostile = false;
  bool keep_events = false;              ///< EventTrace::text() has them all
  std::uint64_t turn_limit = 1'000'000;  ///< turns at one instant before it is a Livelock
  std::size_t descriptor_limit = 1024;
  Nanoseconds longest_job = std::chrono::milliseconds(10);  ///< jobs take up to this, by the seed
};

/// Kinds of calls that can be made to fail.
enum class Operation : unsigned char {
  socket,
  bind,
  listen,
  accept,
  connect,
  recv,
  send,
  shutdown,
  socket_error,
  set_option,
  watch,
  submit,
  resolve,
  file_open,
  file_read,
  file_write,
  file_sync,   ///< fsync, fdatasync
  file_close,  ///< it has closed all the same
  file_other   ///< by path, or about the descriptor
};
inline constexpr std::size_t kOperations = 19;

/// One per loop, used in one thread. The clock starts at a large offset that depends on the seed
/// and stands still while anything can run; then it jumps to the next instant at which something
/// happens. So a virtual hour takes microseconds, and a program that computes takes no time at all.
///
/// Work for worker threads (to_thread, getaddrinfo) runs on the loop's thread, inside the poll, at
/// a later instant that the seed chooses. It must not block on something the loop is to do. A
/// default executor of the program's own has threads in earnest: names are not looked up there.
///
/// Files are the real ones: only the calls on them can be made to fail, or to do a part only.
///
/// A test may derive from it to answer single calls in its own way.
class SimulatedBackend : public Backend, private FileFaults {
 public:
  explicit SimulatedBackend(const SimulationOptions& options = {});
  ~SimulatedBackend() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }
  [[nodiscard]] Nanoseconds now() noexcept override { return now_; }
  [[nodiscard]] std::int64_t wall_clock_seconds() noexcept override;
  [[nodiscard]] std::uint64_t random() noexcept override;

  // --- for the test -----------------------------------------------------------------------------

  [[nodiscard]] Network& network() noexcept { return network_; }
  [[nodiscard]] EventTrace& trace() noexcept { return trace_; }
  [[nodiscard]] const SimulationOptions& options() const noexcept { return options_; }
  /// Since the start.
  [[nodiscard]] Nanoseconds elapsed() const noexcept { return now_ - start_; }
  /// The clock runs on while code computes: for tests of "late".
  void advance(Nanoseconds by) noexcept { now_ += by; }
  /// Somebody sets the wall clock; the loop's clock does not care.
  void step_wall_clock(std::int64_t seconds) noexcept { wall_ += seconds; }
  /// The `index`-th call of this kind from now on (0: the next) fails with `error`, an errno (for
  /// resolve an EAI_ code); it has no other effect. For submit any: RuntimeError.
  void fail_call(Operation operation, std::uint64_t index, int error) noexcept;
  /// Reads and writes of files move `most` bytes a call; 0: as many as are asked for.
  void shorten_file_calls(std::size_t most) noexcept { most_file_bytes_ = most; }
  /// How many calls of this kind were made.
  [[nodiscard]] std::uint64_t calls(Operation operation) const noexcept {
    return calls_[static_cast<std::size_t>(operation)];
  }
  /// A signal comes to the simulated process. std::logic_error when nobody catches it: a real one
  /// would end here.
  void raise_signal(int number);
  /// Jobs that were submitted and have not come back.
  [[nodiscard]] std::size_t jobs() const noexcept { return jobs_.size(); }

  // --- Backend ----------------------------------------------------------------------------------

  void wait(Nanoseconds deadline) override;
  void wake() noexcept override;
  int watch(Descriptor& descriptor) override;
  void unwatch(Descriptor& descriptor) noexcept override;
  int socket(int family, int type, int protocol) override;
  int bind(int fd, const SocketAddress& address) override;
  int listen(int fd, int backlog) override;
  int accept(int fd, SocketAddress& peer) override;
  int connect(int fd, const SocketAddress& address) override;
  int shutdown_write(int fd) override;
  std::ptrdiff_t recv(int fd, std::span<std::byte> buffer) override;
  std::ptrdiff_t send(int fd, std::span<const std::byte> data) override;
  std::ptrdiff_t send_many(int fd, std::span<const std::span<const std::byte>> pieces) override;
  std::ptrdiff_t recv_from(int fd, std::span<std::byte> buffer, ReceivedDatagram& info) override;
  std::ptrdiff_t send_to(int fd, std::span<const std::byte> data, const SocketAddress& to) override;
  int socket_error(int fd) override;
  int set_option(int fd, int level, int option, int value) override;
  int local_address(int fd, SocketAddress& out) override;
  int peer_address(int fd, SocketAddress& out) override;
  void close(int fd) noexcept override;
  int socket_pair(int type, std::array<int, 2>& ends) override;
  int get_option(int fd, int level, int option, int& value) override;
  int set_blocking(int fd, bool blocking) override;
  int poll_now(int fd, Readiness& ready) override;
  int identify_file(const std::string& path, FileIdentity& identity) override;
  int unlink(const std::string& path) override;
  [[nodiscard]] bool is_simulated() const noexcept override { return true; }
  std::size_t descriptor_limit() noexcept override { return options_.descriptor_limit; }
  int catch_signal(int number, SignalListener& listener) override;
  void release_signal(int number, SignalListener& listener) noexcept override;
  void submit(BlockingJob& job) override;
  void start(FileCall& call) override;
  ResolveAnswer resolve(const ResolveQuery& query) override;
  void close_all() noexcept override;

 private:
  struct Job {
    BlockingJob* job;
    Nanoseconds when;
    std::uint64_t order;
    std::int64_t number;
    bool ran;
  };
  struct Fault {
    std::uint64_t call = ~std::uint64_t{0};
    int error = 0;
  };

  int count_call(Operation operation) noexcept;
  int before(FileCall::Kind kind, std::size_t& size) noexcept override;
  std::ptrdiff_t note(const char* event, int fd, std::ptrdiff_t result);
  void step(Nanoseconds deadline);
  bool run_due_jobs();
  [[nodiscard]] Nanoseconds next_job() const noexcept;
  void count_turn();

  SimulationOptions options_;
  Random chance_;  // what the world decides
  Random dice_;    // what the program asks for
  EventTrace trace_;
  Nanoseconds start_;
  Nanoseconds now_;
  std::int64_t wall_;
  std::unique_ptr<detail::NetworkModel> model_;
  Network network_;
  std::vector<Job> jobs_;
  std::int64_t next_job_number_ = 0;
  Nanoseconds resolve_delay_{0};
  std::size_t most_file_bytes_ = 0;
  std::array<std::uint64_t, kOperations> calls_{};
  std::array<Fault, kOperations> faults_{};
  std::map<int, SignalListener*> signals_;
  std::uint64_t turns_here_ = 0;
  Nanoseconds turns_at_{0};
  std::atomic<bool> woken_{false};
  std::atomic<std::thread::id> thread_{std::this_thread::get_id()};  // that the loop runs in
  bool closed_ = false;
};

/// Each unfinished task of the loop with what it waits for: "Task-2 waits in fetch at main.cpp:12".
[[nodiscard]] std::string describe_waits(const Scheduler& scheduler);

}  // namespace asyncio::testing
