// The shared state behind a StreamReader and a StreamWriter: a socket, unread bytes, unsent bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "asyncio/base/list.hpp"
#include "asyncio/io/socket.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/streams/read_side.hpp"
#include "asyncio/streams/stream_layer.hpp"

namespace asyncio::detail {

class Connection;
class CloseWaiter;
class Drain;
class Handshake;
class LayerDriver;

/// Whoever keeps a list of connections (a server) and must hear when one has closed.
class ConnectionOwner {
 public:
  virtual void on_connection_lost(Connection& connection) noexcept = 0;
  /// The handshake of begin_tls() has ended: it can be used, or `error` says why not, and it
  /// closes.
  virtual void on_secured(Connection& /*connection*/,
                          const std::exception_ptr& /*error*/) noexcept {}

 protected:
  ~ConnectionOwner() = default;
};

/// Whoever drives a protocol from a connection (StreamTransport) and must hear at once what awaits
/// would wait for. May call the connection back.
class ConnectionObserver {
 public:
  /// More than the high mark is unsent.
  virtual void on_paused() noexcept = 0;
  /// It is down at the low mark again.
  virtual void on_resumed() noexcept = 0;
  /// A send or recv has failed: error() says how.
  virtual void on_broken() noexcept = 0;
  /// The end, in a turn of its own; the descriptor is closed right after.
  virtual void on_lost() noexcept = 0;
  /// The end because the loop has closed: nobody is told any more.
  virtual void on_abandoned() noexcept = 0;

 protected:
  ~ConnectionObserver() = default;
};

/// Lives while a handle, an await or unsent bytes need it. There is no task: reads pull when they
/// are awaited; writes go out at once, and what the kernel does not take is sent when it can be.
///
/// close() sends what is buffered, then closes; the end is always told in a later turn, never
/// inside the user's call. A failed write does not take away what can still be read.
class Connection final : public ReadSide,
                         public Socket,
                         private ReadinessListener,
                         private ReadyNode {
 public:
  struct Link : base::ListNode {
    Connection* connection = nullptr;
  };

  /// Takes over a connected, non-blocking descriptor.
  Connection(Scheduler& scheduler, int fd, std::size_t limit);
  ~Connection() override;

  /// It is only written to: reads are at their end, write_eof() closes it, and when the last reader
  /// of the pipe goes it closes by itself, or breaks when there are unsent bytes.
  void become_write_only() noexcept;
  [[nodiscard]] bool is_write_only() const noexcept { return write_only_; }

  // --- writing ----------------------------------------------------------------------------------

  void write(std::span<const std::byte> data);
  void write_many(std::span<const std::span<const std::byte>> pieces);
  /// From now on a file is sent, and write() is RuntimeError; or not any more.
  void set_sending_file(bool sending) noexcept { sending_file_ = sending; }
  [[nodiscard]] bool sending_file() const noexcept { return sending_file_; }
  /// write() for the one who sends a file.
  void write_block(std::span<const std::byte> data);
  void write_eof();
  [[nodiscard]] bool can_write_eof() const noexcept { return driver_ == nullptr; }
  /// Closes after the unsent bytes have gone out.
  void close_gently() noexcept;
  /// Throws the unsent bytes away and closes in the next turn.
  void abort() noexcept;

  [[nodiscard]] bool is_closing() const noexcept { return closing_ || error_ != nullptr; }
  [[nodiscard]] bool is_lost() const noexcept { return lost_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// A drain has nothing to wait for and nothing to tell.
  [[nodiscard]] bool drained() const noexcept {
    return !paused_ && !closing_ && error_ == nullptr && exception() == nullptr;
  }
  /// What the connection broke with, or null.
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
  [[nodiscard]] std::size_t unsent() const noexcept { return out_.size(); }
  void set_limits(std::size_t high, std::size_t low);
  [[nodiscard]] std::size_t high_water() const noexcept { return high_; }
  [[nodiscard]] std::size_t low_water() const noexcept { return low_; }

  // --- who waits, who holds ---------------------------------------------------------------------

  void add_drain(Drain& drain) noexcept;
  void add_close_waiter(CloseWaiter& waiter) noexcept;
  void add_writer() noexcept { ++writers_; }
  /// The last writer goes: an unclosed connection is closed, and reported in debug mode.
  void drop_writer() noexcept;
  void set_owner(ConnectionOwner& owner, base::List<Link>& list) noexcept;
  void forget_owner() noexcept;
  /// Null for none.
  void set_observer(ConnectionObserver* observer) noexcept { observer_ = observer; }

  /// Empty when it is not known: a connection that has failed cannot tell, if nobody has asked
  /// before and set_peer was not called.
  SocketAddress peer();
  void set_peer(const SocketAddress& address);

  // --- TLS --------------------------------------------------------------------------------------

  /// From now on all bytes go through a layer of the setup's, and the handshake has begun. What was
  /// received and not read must be the beginning of that. Throws what the setup refuses with, and
  /// ConnectionAbortedError for bytes that came in clear. With `for_owner` the owner is told of the
  /// end of the handshake; else await Handshake.
  void begin_tls(const SecureSetup& setup, bool server_side, bool for_owner = false);
  /// Null without TLS.
  [[nodiscard]] const SSLObject* ssl_object() const noexcept;
  /// Whoever accepted it is still there.
  [[nodiscard]] bool has_owner() const noexcept { return owner_ != nullptr; }

  /// "<Transport fd=7 read=polling write=<idle, bufsize=0>>", of whoever reads or does not.
  [[nodiscard]] std::string transport_repr(bool reading) const;

  // --- ReadSide, Socket -------------------------------------------------------------------------

  Fill fill() override;
  /// What fill() would say without trying; more: it is worth a try. Not with TLS.
  [[nodiscard]] Fill may_fill() const noexcept;
  /// fill() into a buffer of the caller's: how many bytes it has now goes to `count`. Not with TLS,
  /// where there is no straight way.
  Fill fill_into(std::span<std::byte> buffer, std::size_t& count);
  bool set_waiter(ReadinessListener& waiter) override;
  void remove_waiter(const ReadinessListener& waiter) noexcept override;
  [[nodiscard]] std::string source_repr() const override { return transport_repr(has_waiter()); }
  void tell_in_next_turn() override { queue(kTellReader); }
  void on_loop_close() noexcept override;

 private:
  friend class Handshake;
  friend class LayerDriver;

  enum Work : std::uint8_t { kFlush = 1, kFinish = 2, kTellReader = 4, kLayer = 8 };

  void on_ready() noexcept override { queue(kFlush); }
  void queue(Work work) noexcept;
  static void run_work(ReadyNode* node);
  [[nodiscard]] bool takes_writes() const noexcept {
    return !eof_wanted_ && !closing_ && error_ == nullptr && !sending_file_;
  }
  /// When it does not take them: says so, throws after write_eof().
  void refuse_write();
  void send_or_buffer(std::span<const std::byte> data);
  void buffer(std::span<const std::byte> data);
  void pause_above_high() noexcept;
  void resume_below_low() noexcept;
  void flush() noexcept;
  void after_flush() noexcept;
  void lose_reader() noexcept;
  /// With the operation and the peer's address.
  std::exception_ptr describe_error(int error, const char* operation);
  void fail(const std::exception_ptr& error) noexcept;
  void fail_send(int error) noexcept {
    fail(describe_error(error, is_socket() ? "send" : "write"));
  }
  void discard_unsent() noexcept;
  void finish() noexcept;
  void wake_drains() noexcept;

  ByteQueue out_;
  std::uint32_t high_;
  std::uint32_t low_;
  std::exception_ptr error_;
  base::List<Drain> drains_;
  base::List<CloseWaiter> close_waiters_;
  std::string peer_;  // the kernel's form, cut to what fits into the string itself for IPv4
  ConnectionOwner* owner_ = nullptr;
  std::unique_ptr<LayerDriver> driver_;  // of TLS; null without
  ConnectionObserver* observer_ = nullptr;
  Link link_;
  std::uint32_t writers_ = 0;
  std::uint8_t queued_ = 0;       // which Work is to be done when we are run
  std::uint8_t lost_writes_ = 0;  // written after the connection was gone
  bool paused_ = false;           // above the high mark, and not yet down at the low one
  bool eof_wanted_ = false;
  bool closing_ = false;
  bool lost_ = false;  // the descriptor is closed and everybody was told
  bool sending_file_ = false;
  bool holds_itself_ = false;  // from close to the end, whoever else lets go
  bool write_only_ = false;
};

/// Await of StreamWriter::drain.
class Drain final : public Suspend, public AsCoro<Drain, void>, public base::ListNode {
 public:
  /// Down at the low mark, or until nothing is unsent.
  enum class Until : bool { low, empty };

  explicit Drain(Connection& connection, Until until = Until::low) noexcept
      : connection_(&connection), until_(until) {
    connection.add_reference();
  }
  Drain(Drain&& other) noexcept
      : Suspend(std::move(other)),
        connection_(std::exchange(other.connection_, nullptr)),
        until_(other.until_) {}
  ~Drain() {
    if (connection_ != nullptr) connection_->drop_reference();
  }

  bool await_ready() { return (connection_->drained() && low_enough()) || find_failure(); }
  bool await_suspend(Continuation continuation);
  void await_resume() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
  }
  [[nodiscard]] std::exception_ptr error() {
    if (cancelled()) [[unlikely]]
      return cancellation();
    return std::exchange(failure_, nullptr);
  }

 private:
  friend class Connection;
  bool abort() override;
  bool retry() override;
  bool find_failure();
  [[nodiscard]] bool low_enough() const noexcept {
    return until_ == Until::low ? !connection_->paused() : connection_->unsent() == 0;
  }

  Connection* connection_;
  Until until_;
  std::exception_ptr failure_;
};

/// Waits for the end of the handshake that Connection::begin_tls has begun. Throws what it failed
/// with. Cancelled, it breaks the connection off.
class Handshake final : public Suspend, public AsCoro<Handshake, void> {
 public:
  explicit Handshake(Connection& connection) noexcept;
  Handshake(Handshake&& other) noexcept
      : Suspend(std::move(other)), connection_(std::exchange(other.connection_, nullptr)) {}
  ~Handshake();

  [[nodiscard]] bool await_ready() const noexcept;
  bool await_suspend(Continuation continuation);
  void await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class LayerDriver;
  bool abort() override;
  void finished() noexcept { wake(); }

  Connection* connection_;
};

/// Await of StreamWriter::wait_closed.
class CloseWaiter final : public Suspend, public AsCoro<CloseWaiter, void>, public base::ListNode {
 public:
  explicit CloseWaiter(Connection& connection) noexcept;
  CloseWaiter(CloseWaiter&& other) noexcept;
  ~CloseWaiter();

  bool await_ready();
  bool await_suspend(Continuation continuation);
  void await_resume();
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class Connection;
  bool abort() override;

  Connection* connection_;
};

}  // namespace asyncio::detail
