// A connection to the first of several addresses that answers: one after the other, or staggered
// (RFC 8305, "happy eyeballs"). One await, no tasks; every socket but the winner's is closed when
// it ends, whichever way.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/streams/connection.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::detail {

/// Reorders: families take turns, after the first `first_family_count` of the family that comes
/// first. The order within a family stays. Python: base_events._interleave_addrinfos.
std::vector<SocketAddress> interleave_addresses(std::vector<SocketAddress> addresses,
                                                int first_family_count = 1);

/// What became of one address.
struct ConnectFailure {
  std::size_t place;      ///< of the address, in the order in which they are tried
  int error;              ///< an errno
  const char* operation;  ///< "connect"
  std::string subject;    ///< "127.0.0.1:80"
};

/// One error as it is; several that say the same as the first of them; else an OSError that lists
/// them all. With `all_errors` an ExceptionGroup, however many there are.
std::exception_ptr merge_failures(std::vector<ConnectFailure> failures, bool all_errors);

/// The await of connect_any.
class ConnectRace final : public Suspend, private TimerNode {
 public:
  /// Tries `addresses` in their order. Those of another family than `from` are skipped, unless that
  /// is empty.
  ConnectRace(std::vector<SocketAddress> addresses, const SocketAddress& from, std::size_t limit,
              const RaceOptions& options);
  ConnectRace(ConnectRace&& other) noexcept;
  ~ConnectRace();

  bool await_ready();
  bool await_suspend(Continuation continuation);
  StreamPair await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  class Attempt;

  bool abort() override;
  bool retry() override;
  void lost() override { stop(); }
  static void on_delay(TimerNode* timer) { static_cast<ConnectRace*>(timer)->wake(); }

  bool advance() noexcept;
  bool look_at_attempts();
  bool begin_those_due();
  bool begin(std::size_t place);
  void take(Attempt& winner);
  [[nodiscard]] bool may_begin_next() const noexcept;
  void arm_delay();
  void stop() noexcept;

  Scheduler* scheduler_ = nullptr;
  std::vector<SocketAddress> addresses_;
  SocketAddress from_;
  std::size_t limit_;
  std::optional<Nanoseconds> delay_;
  bool all_errors_;
  ConnectFilter filter_;

  std::size_t next_ = 0;                            // of addresses_, to begin with
  std::vector<std::unique_ptr<Attempt>> attempts_;  // under way, in the order they were begun
  bool newest_failed_ = true;                       // the next need not wait for its delay
  Nanoseconds next_due_{0};
  std::vector<ConnectFailure> failures_;
  std::exception_ptr broken_;  // no memory
  Ref<Connection> winner_;
  SocketAddress peer_;
};

}  // namespace asyncio::detail
