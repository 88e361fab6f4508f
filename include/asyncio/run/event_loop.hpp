// EventLoop: Python's loop object, with Python's method names.
//
// Everything here is one call into a layer below; only this layer knows them all. New programs
// rarely need it: run(), create_task() and the free functions act on the running loop.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/io/fd_callbacks.hpp"
#include "asyncio/io/sendfile_options.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/net/datagram.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/net/transports.hpp"
#include "asyncio/net/unix.hpp"
#include "asyncio/process/signals.hpp"
#include "asyncio/streams/send_file.hpp"
#include "asyncio/task/asyncgens.hpp"
#include "asyncio/task/drive.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/task_factory.hpp"
#include "asyncio/threads/run_in_executor.hpp"

namespace asyncio {

class EventLoop;
class PlainSocket;
struct SubprocessOptions;

namespace detail {
// In asyncio/socket.hpp and asyncio/process.hpp, which not every program needs.
class SockAccept;
class SockConnect;
class SockRecv;
class SockRecvFrom;
class SockRecvFromInto;
class SockRecvInto;
class SockSendAll;
class SockSendTo;
template <class Options>
struct SubprocessCalls;
template <class T>
concept TextArgument = std::convertible_to<const T&, std::string_view>;
}  // namespace detail

using EventLoopExceptionHandler = std::function<void(EventLoop&, const ExceptionContext&)>;
using EventLoopTaskFactory = std::function<AnyTask(EventLoop&, FactoryCoro&, const TaskOptions&)>;

/// Python: asyncio.EventLoop. One runs per thread at a time; several threads may each have one.
/// Loop thread only, except call_soon_threadsafe and time.
class EventLoop {
 public:
  /// A new loop, not current anywhere. Python: asyncio.new_event_loop.
  EventLoop();
  explicit EventLoop(std::unique_ptr<Backend> backend);
  /// Of a loop that was made without one, below this layer; it is not closed by this object.
  explicit EventLoop(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  /// Closes it, if nobody has called close(); debug mode reports a ResourceWarning then.
  ~EventLoop();

  // --- running ----------------------------------------------------------------------------------

  /// Runs `awaitable` (a coroutine becomes a task) and gives its result. RuntimeError when the loop
  /// runs already, is closed, or is stopped first. Python: loop.run_until_complete.
  template <class A>
  auto run_until_complete(A&& awaitable) {
    scheduler_.check_runnable();
    auto future = as_future(std::forward<A>(awaitable));
    detail::run_until_done(scheduler_, future);
    if (future.block()->error()) [[unlikely]]
      detail::remember_failure(future);
    // A future that the caller still holds keeps its result.
    using T = typename decltype(future)::value_type;
    if constexpr (std::is_lvalue_reference_v<A> && detail::is_future_v<A> &&
                  std::is_copy_constructible_v<T>) {
      return future.result();
    } else {
      return std::move(future).result();
    }
  }
  /// Runs until stop(). RuntimeError when it runs already, another loop runs in this thread, or it
  /// is closed. KeyboardInterrupt and SystemExit of a callback come out; it can run again.
  /// Python: loop.run_forever.
  void run_forever() { detail::run_loop(scheduler_); }
  /// Ends the run after the present turn; called before one, after its first. Python: loop.stop.
  void stop() noexcept { scheduler_.stop(); }
  /// Python: loop.is_running, loop.is_closed.
  [[nodiscard]] bool is_running() const noexcept { return scheduler_.is_running(); }
  [[nodiscard]] bool is_closed() const noexcept { return scheduler_.is_closed(); }
  /// Drops all callbacks and timers; tasks that are still pending are reported and destroyed. The
  /// second time nothing. RuntimeError while it runs. Python: loop.close.
  void close();

  // --- scheduling -------------------------------------------------------------------------------

  /// Calls `callback()` in the next turn, in the order of these calls. RuntimeError when closed.
  /// Python: loop.call_soon.
  template <class F>
  Handle call_soon(F&& callback, CallbackOptions options = {}) {
    return scheduler_.call_soon(std::forward<F>(callback), options);
  }
  /// The same from any thread; wakes the loop. Python: loop.call_soon_threadsafe.
  template <class F>
  ThreadSafeHandle call_soon_threadsafe(F&& callback, CallbackOptions options = {}) {
    return scheduler_.call_soon_threadsafe(std::forward<F>(callback), options);
  }
  /// Calls `callback()` after `delay`; zero or less: in the next turn. Python: loop.call_later.
  template <class F>
  TimerHandle call_later(Delay delay, F&& callback, CallbackOptions options = {}) {
    return scheduler_.call_later(delay, std::forward<F>(callback), options);
  }
  /// Calls `callback()` when time() has reached `when`; those of the same time in the order of
  /// these calls. Python: loop.call_at.
  template <class F>
  TimerHandle call_at(Nanoseconds when, F&& callback, CallbackOptions options = {}) {
    return scheduler_.call_at(when, std::forward<F>(callback), options);
  }
  /// The loop's monotonic clock, as a duration since some fixed point. Any thread.
  /// Python: loop.time, in seconds.
  [[nodiscard]] Nanoseconds time() noexcept { return scheduler_.time(); }

  // --- tasks and futures ------------------------------------------------------------------------

  /// A pending future of this loop. Python: loop.create_future.
  template <class T = void>
  [[nodiscard]] Future<T> create_future() {
    return detail::make_future<T>(scheduler_);
  }
  /// As asyncio::create_task, in this loop, also before it runs. RuntimeError when closed.
  /// Python: loop.create_task.
  template <detail::TaskSource A>
  [[nodiscard]] auto create_task(A&& source, TaskOptions options = {},
                                 std::source_location here = std::source_location::current()) {
    options.created = here;
    return detail::spawn_any(scheduler_, std::forward<A>(source), options);
  }

  /// Closes all async generators that were begun and not exhausted, at once; what their cleanup
  /// fails with goes to the exception handler. One that begins later is warned of. Python:
  /// loop.shutdown_asyncgens.
  [[nodiscard]] Coro<> shutdown_asyncgens() { return detail::shutdown_asyncgens(scheduler_); }

  /// `factory(loop, coroutine, options)` is asked for every task (task_factory.hpp); null restores
  /// the default. Python: loop.set_task_factory.
  void set_task_factory(EventLoopTaskFactory factory);
  /// Null when there is none. Python: loop.get_task_factory.
  [[nodiscard]] const EventLoopTaskFactory& get_task_factory() const noexcept {
    return task_factory_;
  }

  // --- threads ----------------------------------------------------------------------------------

  /// Runs `function(args...)` in `executor`, a ThreadPoolExecutor, ProcessPoolExecutor or whatever
  /// has such a submit(); in the default one for null, as to_thread does. Cancelling the future
  /// does not stop a function that has begun; one that has not never runs. Throws what submit()
  /// does; RuntimeError("Executor shutdown has been called") after shutdown_default_executor, for
  /// null. Python: loop.run_in_executor.
  template <class E, class F, class... Args>
  auto run_in_executor(E&& executor, F&& function, Args&&... args) {
    return detail::run_in_executor(scheduler_, executor, std::forward<F>(function),
                                   std::forward<Args>(args)...);
  }
  /// What run_in_executor(nullptr, ...) and to_thread use from now on, instead of the loop's own
  /// threads; the loop shares it. Python: loop.set_default_executor.
  void set_default_executor(std::shared_ptr<concurrent::ThreadPoolExecutor> executor);
  /// Refuses new work for the default executor and waits for what it does; after `timeout`
  /// (nullopt: never) warns and leaves its threads to themselves. Python:
  /// loop.shutdown_default_executor.
  [[nodiscard]] Coro<> shutdown_default_executor(std::optional<Delay> timeout = {});

  /// The addresses of a name: asyncio::getaddrinfo, to be awaited in this loop. Python:
  /// loop.getaddrinfo.
  [[nodiscard]] static auto getaddrinfo(std::string_view host, int port,
                                        ResolveOptions options = {}) {
    return asyncio::getaddrinfo(host, port, options);
  }
  /// asyncio::getnameinfo, to be awaited in this loop. Python: loop.getnameinfo.
  [[nodiscard]] static Coro<NameInfo> getnameinfo(const SocketAddress& address, int flags = 0) {
    return asyncio::getnameinfo(address, flags);
  }
  /// Who looks names up from now on, and how long they are remembered; what was is forgotten.
  /// ValueError for `nameservers` that are no addresses; RuntimeError when the library was built
  /// without c-ares. Python: aiohttp.TCPConnector(resolver=...).
  void set_resolver(const AsyncResolver& resolver) { detail::set_resolver(scheduler_, resolver); }
  void set_resolver(const ThreadedResolver& resolver) {
    detail::set_resolver(scheduler_, resolver);
  }
  /// One of the program's own; ValueError for null.
  void set_resolver(std::shared_ptr<AbstractResolver> resolver) {
    detail::set_resolver(scheduler_, std::move(resolver));
  }
  /// Forgets the names it remembers. Python: aiohttp.TCPConnector.clear_dns_cache.
  void clear_dns_cache() { detail::clear_dns_cache(scheduler_); }

  // --- transports and protocols -----------------------------------------------------------------

  // `factory()` gives a std::shared_ptr to a new protocol (streams/protocol.hpp); the transport
  // shares it. All are awaited in this loop.

  /// As open_connection, but for a protocol: gives {transport, protocol} after connection_made().
  /// When it fails or is cancelled, the connection is closed. Python: loop.create_connection.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<detail::TransportAndProtocol<F>> create_connection(
      F&& factory, std::string_view host, int port, ConnectOptions options = {}) {
    return detail::connect_protocol(std::forward<F>(factory), open_connection(host, port, options));
  }
  /// The same with a socket that is connected. Python: loop.create_connection(sock=...).
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<detail::TransportAndProtocol<F>> create_connection(
      F&& factory, SocketOptions options) {
    return connect_accepted_socket(std::forward<F>(factory), options.sock);
  }
  /// The same with a socket that was accepted elsewhere. Python: loop.connect_accepted_socket.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<detail::TransportAndProtocol<F>> connect_accepted_socket(F&& factory,
                                                                                     int sock) {
    return detail::connect_protocol(std::forward<F>(factory), detail::adopt_connected(sock));
  }
  /// Reads from `fd`, which is the transport's from now on and does not block: {transport,
  /// protocol}. ValueError unless it is a pipe, a socket or a character device; it stays the
  /// caller's then. For streams: connect_read_pipe(fd). Python: loop.connect_read_pipe.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<std::pair<ReadTransport, std::shared_ptr<detail::ProtocolOf<F>>>>
  connect_read_pipe(F&& factory, int fd) {
    return detail::connect_pipe<ReadTransport>(std::forward<F>(factory),
                                               detail::adopt_read_pipe(fd));
  }
  /// The same for writing. When the pipe's last reader goes, connection_lost() comes, with
  /// BrokenPipeError when there were unsent bytes. Python: loop.connect_write_pipe.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<std::pair<WriteTransport, std::shared_ptr<detail::ProtocolOf<F>>>>
  connect_write_pipe(F&& factory, int fd) {
    return detail::connect_pipe<WriteTransport>(std::forward<F>(factory),
                                                detail::adopt_write_pipe(fd));
  }
  /// Starts a child and makes a protocol for it: {transport, protocol}, after connection_made().
  /// Errors and cancellation are create_subprocess_exec's; the streams are pipes unless the options
  /// say otherwise. Include asyncio/process.hpp for these two. Python: loop.subprocess_exec.
  template <class F, detail::TextArgument... Args, class Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_exec(F&& factory, std::string_view program,
                                            const Args&... args) {
    return detail::SubprocessCalls<Options>::exec(std::forward<F>(factory), Options(), program,
                                                  args...);
  }
  /// The same with options: `subprocess_exec(factory, "ls", "-l", {.cwd = "/"})`. More arguments
  /// than three go into a vector.
  template <class F, std::same_as<SubprocessOptions> Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_exec(F&& factory, std::string_view program,
                                            const Options& options) {
    return detail::SubprocessCalls<Options>::exec(std::forward<F>(factory), options, program);
  }
  template <class F, detail::TextArgument A,
            std::same_as<SubprocessOptions> Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_exec(F&& factory, std::string_view program, const A& a,
                                            const Options& options) {
    return detail::SubprocessCalls<Options>::exec(std::forward<F>(factory), options, program, a);
  }
  template <class F, detail::TextArgument A, detail::TextArgument B,
            std::same_as<SubprocessOptions> Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_exec(F&& factory, std::string_view program, const A& a,
                                            const B& b, const Options& options) {
    return detail::SubprocessCalls<Options>::exec(std::forward<F>(factory), options, program, a, b);
  }
  template <class F, detail::TextArgument A, detail::TextArgument B, detail::TextArgument C,
            std::same_as<SubprocessOptions> Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_exec(F&& factory, std::string_view program, const A& a,
                                            const B& b, const C& c, const Options& options) {
    return detail::SubprocessCalls<Options>::exec(std::forward<F>(factory), options, program, a, b,
                                                  c);
  }
  /// The same with the arguments in a vector, the program's name not among them.
  template <class F, std::same_as<std::vector<std::string>> Args,
            std::same_as<SubprocessOptions> Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_exec(F&& factory, std::string_view program, const Args& args,
                                            const Options& options = {}) {
    return detail::SubprocessCalls<Options>::exec_all(std::forward<F>(factory), options, program,
                                                      args);
  }
  /// The same with `/bin/sh -c command`. Python: loop.subprocess_shell.
  template <class F, std::same_as<SubprocessOptions> Options = SubprocessOptions>
  [[nodiscard]] static auto subprocess_shell(F&& factory, std::string_view command,
                                             const Options& options = {}) {
    return detail::SubprocessCalls<Options>::shell(std::forward<F>(factory), command, options);
  }
  /// As start_server, but makes a protocol for each connection. What `factory` fails with goes to
  /// the exception handler, and that connection is closed. Python: loop.create_server.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<Server> create_server(F&& factory, std::string_view host, int port,
                                                  ServerOptions options = {}) {
    return detail::serve_protocols(detail::make_protocol_callback(std::forward<F>(factory)), host,
                                   port, options);
  }
  /// Goes on over TLS: what is buffered is sent, then hands are shaken; from then on `protocol` is
  /// told, which gets no connection_made(). Gives the same transport. Errors, as well as a
  /// cancellation, close it: see StreamWriter::start_tls. `context` is copied.
  /// Python: loop.start_tls.
  template <class P>
  [[nodiscard]] static Coro<Transport> start_tls(const Transport& transport,
                                                 std::shared_ptr<P> protocol,
                                                 const TlsContext& context,
                                                 const StartTlsOptions& options = {}) {
    return detail::start_tls(transport, std::move(protocol),
                             detail::SecureSetup(&context, options));
  }
  /// The contents of `file`, a descriptor or something with a fileno(), behind what is buffered;
  /// how many bytes were sent. The kernel copies; where it cannot (TLS), we read and write with
  /// `fallback`, else it is SendfileNotAvailableError. Nothing is read meanwhile, and write() is
  /// RuntimeError. Afterwards the file stands where the sending has stopped, also after an error
  /// and a cancellation, which leave the connection as it is. Python: loop.sendfile.
  template <class File>
  [[nodiscard]] static Coro<std::size_t> sendfile(const Transport& transport, const File& file,
                                                  SendfileOptions options = {}) {
    return detail::send_file(transport, descriptor_of(file), options);
  }
  /// Python: loop.sendfile(writer.transport, ...).
  template <class File>
  [[nodiscard]] static Coro<std::size_t> sendfile(const StreamWriter& writer, const File& file,
                                                  SendfileOptions options = {}) {
    return detail::send_file(writer.connection(), descriptor_of(file), options);
  }
  /// A socket of datagrams for a DatagramProtocol: {transport, protocol}, after connection_made().
  /// Several addresses are tried in order. Errors: ValueError for options that exclude each other;
  /// GaiError; OSError's kin with the address. Python: loop.create_datagram_endpoint.
  template <detail::DatagramProtocolFactory F>
  [[nodiscard]] static Coro<detail::DatagramTransportAndProtocol<F>> create_datagram_endpoint(
      F&& factory, const DatagramOptions& options) {
    return detail::create_datagram_endpoint(std::forward<F>(factory), options);
  }

  /// The same over a Unix socket. Python: loop.create_unix_connection.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<detail::TransportAndProtocol<F>> create_unix_connection(
      F&& factory, std::string_view path, const StreamOptions& options = {}) {
    return detail::connect_protocol(std::forward<F>(factory), open_unix_connection(path, options));
  }
  /// Python: loop.create_unix_server.
  template <detail::StreamProtocolFactory F>
  [[nodiscard]] static Coro<Server> create_unix_server(F&& factory, std::string_view path,
                                                       UnixServerOptions options = {}) {
    return detail::listen_unix(detail::make_protocol_callback(std::forward<F>(factory)),
                               std::string(path), options, detail::secure_setup_of(options));
  }

  // --- descriptors ------------------------------------------------------------------------------

  /// Calls `callback()` in each turn in which `fd` has something to read, has ended or failed. A
  /// second one replaces the first, which is not called again. Remove it before you close the
  /// descriptor. ValueError for a negative number; RuntimeError when a transport of this loop has
  /// it; PermissionError for a regular file, which is always ready. Python: loop.add_reader.
  template <class F>
  void add_reader(int fd, F&& callback, CallbackOptions options = {}) {
    static_assert(
        !requires { typename std::invoke_result_t<std::decay_t<F>&>::promise_type; },
        "coroutines cannot be used with add_reader()");
    detail::add_fd_callback(scheduler_, fd, Descriptor::Direction::read, std::forward<F>(callback),
                            options);
  }
  /// The same when something can be written to it. Python: loop.add_writer.
  template <class F>
  void add_writer(int fd, F&& callback, CallbackOptions options = {}) {
    static_assert(
        !requires { typename std::invoke_result_t<std::decay_t<F>&>::promise_type; },
        "coroutines cannot be used with add_writer()");
    detail::add_fd_callback(scheduler_, fd, Descriptor::Direction::write, std::forward<F>(callback),
                            options);
  }
  /// Whether there was one; false also when the loop is closed. Python: loop.remove_reader,
  /// remove_writer.
  bool remove_reader(int fd) {
    return detail::remove_fd_callback(scheduler_, fd, Descriptor::Direction::read);
  }
  bool remove_writer(int fd) {
    return detail::remove_fd_callback(scheduler_, fd, Descriptor::Direction::write);
  }

  // Calls on sockets: include <asyncio/socket.hpp>. Each is tried at once, and waits only if it
  // would block; one task may wait in each direction. Cancelled, a call has read, accepted and sent
  // nothing, but for sock_sendall and sock_sendfile, where nobody can know how much. ValueError for
  // a blocking socket.

  /// At most `count` bytes; empty at the end. Python: loop.sock_recv.
  [[nodiscard]] static detail::SockRecv sock_recv(const PlainSocket& sock, std::size_t count);
  /// How many bytes were read into `buffer`, which lives as long. Python: loop.sock_recv_into.
  [[nodiscard]] static detail::SockRecvInto sock_recv_into(const PlainSocket& sock,
                                                           std::span<std::byte> buffer);
  /// One datagram, cut to `count` bytes. Python: loop.sock_recvfrom.
  [[nodiscard]] static detail::SockRecvFrom sock_recvfrom(const PlainSocket& sock,
                                                          std::size_t count);
  /// Its length and whence it came; into `count` bytes of `buffer`, 0 for all of it. Python:
  /// loop.sock_recvfrom_into.
  [[nodiscard]] static detail::SockRecvFromInto sock_recvfrom_into(const PlainSocket& sock,
                                                                   std::span<std::byte> buffer,
                                                                   std::size_t count = 0);
  /// All of `data`, which lives as long. Python: loop.sock_sendall.
  [[nodiscard]] static detail::SockSendAll sock_sendall(const PlainSocket& sock,
                                                        std::string_view data);
  [[nodiscard]] static detail::SockSendAll sock_sendall(const PlainSocket& sock,
                                                        std::span<const std::byte> data);
  /// One datagram; how many bytes went. Python: loop.sock_sendto.
  [[nodiscard]] static detail::SockSendTo sock_sendto(const PlainSocket& sock,
                                                      std::string_view data,
                                                      const SocketAddress& address);
  /// After an error or a cancellation, close the socket. Python: loop.sock_connect.
  [[nodiscard]] static detail::SockConnect sock_connect(const PlainSocket& sock,
                                                        const SocketAddress& address);
  /// To the first address of a name.
  [[nodiscard]] static Coro<> sock_connect(const PlainSocket& sock, std::string_view host,
                                           int port);
  /// The next connection and where it comes from. Python: loop.sock_accept.
  [[nodiscard]] static detail::SockAccept sock_accept(const PlainSocket& sock);
  /// The contents of `file`, a descriptor; how many bytes were sent. The kernel copies, or with
  /// `fallback` we do where it cannot; else SendfileNotAvailableError. Afterwards the file stands
  /// where the sending has stopped, also after an error. Python: loop.sock_sendfile.
  [[nodiscard]] static Coro<std::size_t> sock_sendfile(const PlainSocket& sock, int file,
                                                       SendfileOptions options = {});

  // --- signals ----------------------------------------------------------------------------------

  /// Calls `callback()` in a turn of this loop for each time that `signal` (SIGTERM ...) came, also
  /// while the loop sleeps. It replaces the handler before, be it run()'s for Ctrl-C. Only in the
  /// main thread: RuntimeError elsewhere, for a signal that cannot be caught, and when the loop is
  /// closed; ValueError for a number that is no signal's. Closing the loop removes all of them.
  /// Python: loop.add_signal_handler.
  template <class F>
  void add_signal_handler(int signal, F&& callback) {
    static_assert(
        !requires { typename std::invoke_result_t<std::decay_t<F>&>::promise_type; },
        "coroutines cannot be used with add_signal_handler()");
    detail::add_signal_handler(scheduler_, signal, std::forward<F>(callback));
  }
  /// The default comes back, for SIGINT what run() does at Ctrl-C. Whether there was a handler. It
  /// is not called any more, not even for a signal that came before: what it refers to may go.
  /// Python: loop.remove_signal_handler.
  bool remove_signal_handler(int signal) {
    return detail::remove_signal_handler(scheduler_, signal);
  }

  // --- errors -----------------------------------------------------------------------------------

  /// `handler(loop, context)`; null restores the default. Python: loop.set_exception_handler.
  void set_exception_handler(EventLoopExceptionHandler handler);
  /// Null for the default. Python: loop.get_exception_handler.
  [[nodiscard]] const EventLoopExceptionHandler& get_exception_handler() const noexcept {
    return exception_handler_;
  }
  /// Hands an error that nobody else will hear of to the handler; a handler that fails is itself
  /// reported. Python: loop.call_exception_handler.
  void call_exception_handler(const ExceptionContext& context) noexcept {
    scheduler_.call_exception_handler(context);
  }
  /// Logs it, as without a handler. Python: loop.default_exception_handler.
  void default_exception_handler(const ExceptionContext& context) {
    Scheduler::default_exception_handler(context);
  }
  /// Whether mistakes are looked for whose finding costs time: slow callbacks, calls from the wrong
  /// thread, tasks that wait for each other, cancellations that are swallowed. Python:
  /// loop.get_debug, set_debug.
  [[nodiscard]] bool get_debug() const noexcept { return scheduler_.get_debug(); }
  void set_debug(bool enabled) noexcept { scheduler_.set_debug(enabled); }
  /// 100 ms at first. Python: loop.slow_callback_duration.
  [[nodiscard]] Nanoseconds slow_callback_duration() const noexcept {
    return scheduler_.slow_callback_duration();
  }
  void set_slow_callback_duration(Delay limit) noexcept {
    scheduler_.set_slow_callback_duration(limit);
  }

  /// As Python's: "<EventLoop running=True closed=False debug=False>".
  [[nodiscard]] std::string repr() const;

  /// The scheduling half, for code of the layers below.
  [[nodiscard]] Scheduler& scheduler() noexcept { return scheduler_; }

 private:
  void warn_unclosed() const noexcept;
  template <class File>
  static int descriptor_of(const File& file) {
    if constexpr (requires { file.fileno(); }) {
      return static_cast<int>(file.fileno());
    } else {
      return file;
    }
  }
  template <class A>
  auto as_future(A&& awaitable) {
    if constexpr (detail::is_future_v<A>) {
      return std::remove_cvref_t<A>(std::forward<A>(awaitable));
    } else {
      auto task = create_task(std::forward<A>(awaitable));
      task.task_block()->expect_pending();  // run_until_complete throws then
      return task;
    }
  }

  EventLoopExceptionHandler exception_handler_;
  EventLoopTaskFactory task_factory_;
  std::unique_ptr<Scheduler> own_;
  Scheduler& scheduler_;
};

/// The loop that runs in this thread; RuntimeError("no running event loop") without one.
/// Python: asyncio.get_running_loop.
[[nodiscard]] EventLoop& get_running_loop();

/// The same, or null. Python: asyncio._get_running_loop.
[[nodiscard]] EventLoop* _get_running_loop();

/// The running loop, else this thread's current one, which is made when there is none: older
/// programs expect that (a deliberate difference from Python 3.14, which refuses).
/// Python: asyncio.get_event_loop.
[[nodiscard]] EventLoop& get_event_loop();

/// Makes `loop` this thread's current one; null for none. The caller keeps it alive.
/// Python: asyncio.set_event_loop.
void set_event_loop(EventLoop* loop) noexcept;

/// Python: asyncio.new_event_loop.
[[nodiscard]] std::unique_ptr<EventLoop> new_event_loop();

}  // namespace asyncio
