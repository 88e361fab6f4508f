// Python's names, used as docs/coming-from-python.md spells them. What is renamed or goes breaks
// the build here, and `tidy.names` holds the tables of that document against this file.
#include <array>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/asyncio.hpp"
#include "asyncio/concurrent.hpp"
#include "asyncio/files.hpp"
#include "asyncio/process.hpp"
#include "asyncio/socket.hpp"
#include "asyncio/ssl.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

// ---- every name of asyncio.__all__
// ----------------------------------------------------------------

namespace names_of_python {

using asyncio::ALL_COMPLETED;
using asyncio::all_tasks;
using asyncio::as_completed;
using asyncio::Barrier;
using asyncio::BaseProtocol;
using asyncio::BaseTransport;
using asyncio::BoundedSemaphore;
using asyncio::BrokenBarrierError;
using asyncio::BufferedProtocol;
using asyncio::CancelledError;
using asyncio::capture_call_graph;
using asyncio::Condition;
using asyncio::create_eager_task_factory;
using asyncio::create_subprocess_exec;
using asyncio::create_subprocess_shell;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::DatagramProtocol;
using asyncio::DatagramTransport;
using asyncio::eager_task_factory;
using asyncio::ensure_future;
using asyncio::Event;
using asyncio::EventLoop;
using asyncio::FIRST_COMPLETED;
using asyncio::FIRST_EXCEPTION;
using asyncio::format_call_graph;
using asyncio::FrameCallGraphEntry;
using asyncio::Future;
using asyncio::FutureCallGraph;
using asyncio::gather;
using asyncio::get_event_loop;
using asyncio::get_running_loop;
using asyncio::Handle;
using asyncio::IncompleteReadError;
using asyncio::InvalidStateError;
using asyncio::iscoroutine;
using asyncio::isfuture;
using asyncio::LifoQueue;
using asyncio::LimitOverrunError;
using asyncio::Lock;
using asyncio::new_event_loop;
using asyncio::open_connection;
using asyncio::open_unix_connection;
using asyncio::print_call_graph;
using asyncio::PriorityQueue;
using asyncio::Protocol;
using asyncio::Queue;
using asyncio::QueueEmpty;
using asyncio::QueueFull;
using asyncio::QueueShutDown;
using asyncio::ReadTransport;
using asyncio::run;
using asyncio::run_coroutine_threadsafe;
using asyncio::Runner;
using asyncio::Semaphore;
using asyncio::SendfileNotAvailableError;
using asyncio::Server;
using asyncio::set_event_loop;
using asyncio::shield;
using asyncio::sleep;
using asyncio::start_server;
using asyncio::start_unix_server;
using asyncio::StreamReader;
using asyncio::StreamWriter;
using asyncio::SubprocessProtocol;
using asyncio::SubprocessTransport;
using asyncio::Task;
using asyncio::TaskGroup;
using asyncio::Timeout;
using asyncio::timeout;
using asyncio::timeout_at;
using asyncio::TimeoutError;
using asyncio::TimerHandle;
using asyncio::to_thread;
using asyncio::Transport;
using asyncio::wait;
using asyncio::wait_for;
using asyncio::wrap_future;
using asyncio::WriteTransport;

// Of other modules, which programs with an event loop use.
using asyncio::aclosing;
using asyncio::anext;
using asyncio::AsyncGenerator;
using asyncio::BaseException;
using asyncio::BaseExceptionGroup;
using asyncio::Context;
using asyncio::ContextVar;
using asyncio::copy_context;
using asyncio::ExceptionGroup;
using asyncio::format_exception;
using asyncio::Generator;
using asyncio::KeyboardInterrupt;
using asyncio::StopAsyncIteration;
using asyncio::SystemExit;
using asyncio::Token;
using asyncio::concurrent::BrokenExecutor;
using asyncio::concurrent::BrokenProcessPool;
using asyncio::concurrent::BrokenThreadPool;
using asyncio::concurrent::Parallel;
using asyncio::concurrent::ProcessPoolExecutor;
using asyncio::concurrent::ThreadPoolExecutor;
static_assert(asyncio::concurrent::Executor<ProcessPoolExecutor, int (*)(int), int>);
static_assert(asyncio::concurrent::Executor<ThreadPoolExecutor, int (*)(int), int>);

static_assert(CoroutineFunction<Coro<> (*)()> && !CoroutineFunction<void (*)()>);
static_assert(asyncio::iscoroutine_v<Coro<int>> && !asyncio::iscoroutine_v<Task<int>>);
static_assert(asyncio::isfuture_v<Task<int>> && asyncio::isfuture_v<Future<>>);

}  // namespace names_of_python

// ---- methods: compiled, never called
// --------------------------------------------------------------

int answer() { return 42; }

[[maybe_unused]] void event_loop_methods(EventLoop& loop, const ExceptionContext& context) {
  auto callback = [] {};
  loop.call_soon(callback);
  loop.call_soon_threadsafe(callback);
  loop.add_signal_handler(SIGHUP, callback);
  loop.remove_signal_handler(SIGHUP);
  loop.call_later(Delay(), callback);
  loop.call_at(loop.time(), callback);
  Future<int> future = loop.create_future<int>();
  Task<> task = loop.create_task(sleep(Delay()));
  loop.run_until_complete(task);
  loop.run_forever();
  loop.stop();
  static_cast<void>(loop.is_running() || loop.is_closed());
  loop.close();
  loop.set_task_factory(loop.get_task_factory());
  loop.set_exception_handler(loop.get_exception_handler());
  loop.call_exception_handler(context);
  loop.default_exception_handler(context);
  loop.set_debug(loop.get_debug());
  loop.set_slow_callback_duration(loop.slow_callback_duration());
  auto executor = std::make_shared<concurrent::ThreadPoolExecutor>();
  loop.set_default_executor(executor);
  static_cast<void>(loop.run_in_executor(nullptr, answer));
  Coro<> generators = loop.shutdown_asyncgens();
  Coro<> threads = loop.shutdown_default_executor();
  static_cast<void>(asyncio::getaddrinfo("localhost", 80));
  static_cast<void>(loop.getnameinfo(asyncio::SocketAddress()));
  loop.set_resolver(asyncio::AsyncResolver{.nameservers = "127.0.0.1", .cache = {}});
  loop.set_resolver(asyncio::ThreadedResolver{.max_threads = 4});
  struct Book : asyncio::AbstractResolver {
    Coro<std::vector<asyncio::SocketAddress>> resolve(std::string, int, int) override {
      co_return {};
    }
  };
  loop.set_resolver(std::make_shared<Book>());
  loop.clear_dns_cache();
  static_cast<void>(
      asyncio::open_connection("localhost", 80, {.connect_filter = asyncio::is_global}));
}

[[maybe_unused]] void protocol_methods(const TlsContext& context) {
  auto factory = [] { return std::make_shared<Protocol>(); };
  static_cast<void>(EventLoop::create_connection(factory, "localhost", 80));
  static_cast<void>(EventLoop::create_connection(factory, {.sock = 3}));
  static_cast<void>(EventLoop::connect_accepted_socket(factory, 3));
  static_cast<void>(EventLoop::create_server(factory, "localhost", 80));
  static_cast<void>(EventLoop::start_tls(Transport(), factory(), context));
  static_cast<void>(EventLoop::sendfile(Transport(), 3));
  auto datagrams = [] { return std::make_shared<DatagramProtocol>(); };
  static_cast<void>(EventLoop::create_datagram_endpoint(datagrams, {.family = 2}));
}

[[maybe_unused]] void descriptors_and_sockets(EventLoop& loop, const PlainSocket& sock) {
  auto callback = [] {};
  loop.add_reader(0, callback);
  loop.add_writer(1, callback);
  static_cast<void>(loop.remove_reader(0) || loop.remove_writer(1));
  std::array<std::byte, 8> buffer{};
  static_cast<void>(loop.sock_accept(sock));
  static_cast<void>(loop.sock_connect(sock, "localhost", 80));
  static_cast<void>(loop.sock_recv(sock, 8));
  static_cast<void>(loop.sock_recv_into(sock, buffer));
  static_cast<void>(loop.sock_recvfrom(sock, 8));
  static_cast<void>(loop.sock_recvfrom_into(sock, buffer));
  static_cast<void>(loop.sock_sendall(sock, "data"));
  static_cast<void>(loop.sock_sendto(sock, "data", SocketAddress()));
  static_cast<void>(loop.sock_sendfile(sock, 0));
  auto factory = [] { return std::make_shared<Protocol>(); };
  static_cast<void>(EventLoop::create_unix_connection(factory, "path"));
  static_cast<void>(EventLoop::create_unix_server(factory, "path"));
}

[[maybe_unused]] void child_processes() {
  auto factory = [] { return std::make_shared<SubprocessProtocol>(); };
  static_cast<void>(EventLoop::subprocess_exec(factory, "true"));
  static_cast<void>(EventLoop::subprocess_shell(factory, "exit 1", {.stdin = subprocess::DEVNULL}));
  auto protocols = [] { return std::make_shared<Protocol>(); };
  static_cast<void>(EventLoop::connect_read_pipe(protocols, 0));
  static_cast<void>(EventLoop::connect_write_pipe(protocols, 1));
}

[[maybe_unused]] void transport_methods(const Transport& transport,
                                        const DatagramTransport& datagrams) {
  transport.write("data");
  transport.writelines({"more", "data"});
  if (transport.can_write_eof()) transport.write_eof();
  transport.set_write_buffer_limits(2, 1);
  static_cast<void>(transport.get_write_buffer_limits());
  static_cast<void>(transport.get_write_buffer_size());
  if (transport.is_reading()) transport.pause_reading();
  transport.resume_reading();
  transport.set_protocol(std::make_shared<Protocol>());
  static_cast<void>(transport.get_protocol());
  static_cast<void>(transport.peername());
  static_cast<void>(transport.sockname());
  static_cast<void>(transport.fileno());
  transport.setsockopt(1, 9, transport.getsockopt(1, 9));
  static_cast<void>(transport.repr());
  static_cast<void>(transport.ssl_object());
  if (!transport.is_closing()) transport.close();
  transport.abort();
  datagrams.sendto("data", datagrams.peername());
  datagrams.abort();
}

[[maybe_unused]] void pool_methods(concurrent::ProcessPoolExecutor& pool) {
  concurrent::Future<int> future = pool.submit(answer);
  concurrent::wait(std::vector{future});
  static_cast<void>(concurrent::as_completed(std::vector{future}));
  pool.shutdown({.cancel_futures = true});
  pool.terminate_workers();
  pool.kill_workers();
}

[[maybe_unused]] void future_methods(const Future<int>& future) {
  CallbackToken token = future.add_done_callback([](const AnyFuture&) {});
  static_cast<void>(future.remove_done_callback(token));
  static_cast<void>(future.cancel());
  static_cast<void>(future.done() || future.cancelled());
  future.set_result(future.result());
  future.set_exception(future.exception());
  static_cast<void>(future.get_loop());
}

[[maybe_unused]] void task_methods(const Task<int>& task) {
  static_cast<void>(task.cancelling() + task.uncancel());
  task.set_name(task.get_name());
  static_cast<void>(task.get_context());
  static_cast<void>(task.get_stack());
  task.print_stack(std::cerr);
  static_cast<void>(task.get_coro());
}

[[maybe_unused]] void handle_methods(TimerHandle handle) {
  handle.cancel();
  static_cast<void>(handle.cancelled());
  static_cast<void>(handle.get_context());
  static_cast<void>(handle.when());
}

[[maybe_unused]] void runner_methods(Runner& runner) {
  runner.run(sleep(Delay()));
  static_cast<void>(runner.get_loop());
  runner.close();
}

[[maybe_unused]] void scope_methods(Timeout& timeout, TaskGroup& group) {
  timeout.reschedule(timeout.when());
  static_cast<void>(timeout.expired());
  group.create_task(sleep(Delay()));
  group.cancel();
}

[[maybe_unused]] void lock_methods(Lock& lock, Semaphore& semaphore, Event& event) {
  static_cast<void>(lock.acquire());
  static_cast<void>(lock.locked());
  lock.release();
  static_cast<void>(semaphore.acquire());
  static_cast<void>(semaphore.locked());
  semaphore.release();
  static_cast<void>(event.wait());
  event.set();
  event.clear();
  static_cast<void>(event.is_set());
}

[[maybe_unused]] void condition_methods(Condition& condition) {
  static_cast<void>(condition.acquire());
  static_cast<void>(condition.locked());
  static_cast<void>(condition.wait());
  Coro<bool> until = condition.wait_for([] { return true; });
  condition.notify(2);
  condition.notify_all();
  condition.release();
}

[[maybe_unused]] void barrier_methods(Barrier& barrier) {
  Coro<int> waiting = barrier.wait();
  Coro<> resetting = barrier.reset();
  Coro<> aborting = barrier.abort();
  static_cast<void>(barrier.parties() + barrier.n_waiting());
  static_cast<void>(barrier.broken());
}

[[maybe_unused]] void queue_methods(Queue<int>& queue) {
  static_cast<void>(queue.maxsize());
  static_cast<void>(queue.qsize());
  static_cast<void>(queue.empty() || queue.full());
  static_cast<void>(queue.put(1));
  static_cast<void>(queue.get());
  queue.put_nowait(1);
  queue.get_nowait();
  queue.task_done();
  static_cast<void>(queue.join());
  queue.shutdown();
}

[[maybe_unused]] void server_methods(Server& server) {
  server.start_serving();
  static_cast<void>(server.get_loop());
  static_cast<void>(server.serve_forever());
  static_cast<void>(server.is_serving());
  server.close();
  server.close_clients();
  server.abort_clients();
  static_cast<void>(server.wait_closed());
  static_cast<void>(server.sockets());
  static_cast<void>(server.repr());
}

[[maybe_unused]] void reader_methods(StreamReader& reader) {
  static_cast<void>(reader.read(1));
  static_cast<void>(reader.readexactly(1));
  static_cast<void>(reader.readline());
  static_cast<void>(reader.next_line());
  static_cast<void>(reader.readuntil("\r\n", "\n"));
  static_cast<void>(reader.at_eof());
  reader.set_exception(reader.exception());
  static_cast<void>(reader.repr());
  reader.feed_data("data");
  reader.feed_eof();
}

[[maybe_unused]] void writer_methods(StreamWriter& writer) {
  writer.write("data");
  writer.writelines({"more", "data"});
  static_cast<void>(writer.drain());
  writer.write_eof();
  static_cast<void>(writer.can_write_eof());
  writer.close();
  static_cast<void>(writer.is_closing());
  static_cast<void>(writer.wait_closed());
  static_cast<void>(writer.peername());
  static_cast<void>(writer.sockname());
  static_cast<void>(writer.fileno());
  writer.abort();
  writer.set_write_buffer_limits(2, 1);
  static_cast<void>(writer.get_write_buffer_size());
  static_cast<void>(writer.get_write_buffer_limits());
  writer.setsockopt(1, 9, writer.getsockopt(1, 9));
  static_cast<void>(writer.repr());
  static_cast<void>(writer.ssl_object());
  static_cast<void>(writer.peercert());
  static_cast<void>(writer.cipher());
}

[[maybe_unused]] Coro<> tls_methods(StreamWriter writer, ssl::SSLContext context) {
  const SSLObject& tls = *writer.ssl_object();
  static_cast<void>(tls.version());
  static_cast<void>(tls.cipher());
  static_cast<void>(tls.selected_alpn_protocol());
  static_cast<void>(tls.getpeercert());
  static_cast<void>(tls.getpeercert_der());
  static_cast<void>(tls.server_hostname());
  static_cast<void>(tls.server_side());
  static_cast<void>(tls.session_reused());
  context.load_cert_chain("cert.pem", "key.pem", {.password = "secret", .allow_expired = true});
  context.load_cert_chain_pem("cert", "key");
  context.load_verify_locations({.cafile = "ca.pem", .capath = "certs", .cadata = "pem"});
  context.load_default_certs(ssl::Purpose::SERVER_AUTH);
  static_cast<void>(context.cert_store_stats());
  context.set_check_hostname(!context.check_hostname());
  context.set_verify_mode(context.verify_mode());
  context.set_verify_flags(context.verify_flags() | ssl::VERIFY_CRL_CHECK_LEAF);
  context.set_minimum_version(context.minimum_version());
  context.set_maximum_version(context.maximum_version());
  context.set_options(context.options() | ssl::OP_IGNORE_UNEXPECTED_EOF);
  context.set_ciphers("DEFAULT");
  context.set_ciphersuites("TLS_AES_128_GCM_SHA256");
  static_cast<void>(context.get_ciphers());
  context.set_alpn_protocols({"h2", "http/1.1"});
  context.set_sni_callback([](std::string_view) -> const ssl::SSLContext* { return nullptr; });
  ssl::MemoryBIO incoming;
  ssl::MemoryBIO outgoing;
  ssl::SSLObject wrapped = context.wrap_bio(incoming, outgoing, {.server_hostname = "a.test"});
  try {
    wrapped.do_handshake();
    wrapped.write(wrapped.read(wrapped.pending()));
    wrapped.unwrap();
  } catch (const ssl::SSLWantReadError&) {
    incoming.write(outgoing.read(outgoing.pending()));
    if (outgoing.eof()) incoming.write_eof();
  } catch (const ssl::SSLZeroReturnError&) {
  }
  context = ssl::SSLContext(ssl::PROTOCOL_TLS_SERVER);
  context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  context = ssl::create_unverified_context();
  try {
    co_await writer.start_tls(context, {.server_hostname = "example.com"});
  } catch (const ssl::SSLCertVerificationError& error) {
    static_cast<void>(error.verify_code());
    static_cast<void>(error.verify_message());
  } catch (const ssl::SSLEOFError&) {
  } catch (const ssl::SSLError& error) {
    static_cast<void>(error.library());
    static_cast<void>(error.reason());
  }
  static_cast<void>(ssl::CERT_NONE | ssl::CERT_OPTIONAL | ssl::CERT_REQUIRED);
  static_cast<void>(ssl::TLSVersion::TLSv1_3);
  static_cast<void>(ssl::PROTOCOL_TLS_CLIENT);
}

[[maybe_unused]] void file_methods(files::File& f, std::span<std::byte> buffer) {
  static_cast<void>(files::open("path", "r"));
  static_cast<void>(f.read(1));
  static_cast<void>(f.readall());
  static_cast<void>(f.read1());
  static_cast<void>(f.readinto(buffer));
  static_cast<void>(f.readline());
  static_cast<void>(f.next_line());
  static_cast<void>(f.readlines());
  static_cast<void>(f.peek());
  static_cast<void>(f.write("data"));
  static_cast<void>(f.writelines({"more", "data"}));
  static_cast<void>(f.flush());
  static_cast<void>(f.fsync());
  static_cast<void>(f.fdatasync());
  static_cast<void>(f.seek(0));
  static_cast<void>(f.tell());
  static_cast<void>(f.truncate());
  static_cast<void>(f.close());
  static_cast<void>(f.closed());
  static_cast<void>(f.fileno());
  static_cast<void>(f.isatty());
  static_cast<void>(f.readable() && f.writable() && f.seekable());
  static_cast<void>(files::stdin());
  static_cast<void>(files::stdin_bytes());
  static_cast<void>(files::stdout());
  static_cast<void>(files::stderr());
}

[[maybe_unused]] void file_names() {
  static_cast<void>(sizeof(files::UnsupportedOperation) + sizeof(UnicodeDecodeError));
  static_cast<void>(files::tempfile::TemporaryFile());
  static_cast<void>(files::tempfile::NamedTemporaryFile());
  static_cast<void>(sizeof(files::tempfile::SpooledTemporaryFile));
  static_cast<void>(sizeof(files::tempfile::TemporaryDirectory));
  static_cast<void>(files::os::rename("a", "b"));
  static_cast<void>(files::os::replace("a", "b"));
  static_cast<void>(files::os::renames("a", "b"));
  static_cast<void>(files::os::remove("a"));
  static_cast<void>(files::os::unlink("a"));
  static_cast<void>(files::os::mkdir("a"));
  static_cast<void>(files::os::makedirs("a", {.exist_ok = true}));
  static_cast<void>(files::os::rmdir("a"));
  static_cast<void>(files::os::removedirs("a"));
  static_cast<void>(files::os::rmtree("a"));
  static_cast<void>(files::os::link("a", "b"));
  static_cast<void>(files::os::symlink("a", "b"));
  static_cast<void>(files::os::readlink("a"));
  static_cast<void>(files::os::listdir("a"));
  static_cast<void>(files::os::scandir("a"));
  static_cast<void>(files::os::stat("a"));
  static_cast<void>(files::os::lstat("a"));
  static_cast<void>(files::os::statvfs("a"));
  static_cast<void>(files::os::access("a", 0));
  static_cast<void>(files::os::sendfile(1, 0, 0, 1));
  static_cast<void>(files::os::path::exists("a"));
  static_cast<void>(files::ospath::isfile("a"));
  static_cast<void>(files::ospath::isdir("a"));
  static_cast<void>(files::ospath::islink("a"));
  static_cast<void>(files::ospath::ismount("a"));
  static_cast<void>(files::ospath::getsize("a"));
  static_cast<void>(files::ospath::getmtime("a"));
  static_cast<void>(files::ospath::getatime("a"));
  static_cast<void>(files::ospath::getctime("a"));
  static_cast<void>(files::ospath::samefile("a", "b"));
  static_cast<void>(files::ospath::abspath("a"));
  static_cast<void>(files::read_text("a"));
  static_cast<void>(files::read_bytes("a"));
  static_cast<void>(files::write_text("a", "text"));
  static_cast<void>(files::write_bytes("a", "data"));
  static_cast<void>(files::write_atomic("a", "data"));
}

// What there is to check, the compiler has checked.
TEST(names, compile_as_the_document_spells_them) { SUCCEED(); }

}  // namespace
}  // namespace asyncio::test
