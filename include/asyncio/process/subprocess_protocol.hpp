// Child processes for protocols: what a program derives from to be called back by a child, where
// the users of Process await.
#pragma once

#include <concepts>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/coro/pass.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/process/child.hpp"
#include "asyncio/process/subprocess.hpp"
#include "asyncio/streams/protocol.hpp"
#include "asyncio/streams/transport.hpp"

namespace asyncio {

class SubprocessProtocol;

/// A child and its pipes. A copy is a handle to the same one; it lives without handles until the
/// child has ended and its pipes are closed. Loop thread only. Python: asyncio.SubprocessTransport.
class SubprocessTransport : public BaseTransport {
 public:
  using BaseTransport::BaseTransport;

  /// Python: SubprocessTransport.get_pid.
  [[nodiscard]] int get_pid() const noexcept;
  /// As Process::returncode. Python: SubprocessTransport.get_returncode.
  [[nodiscard]] std::optional<int> get_returncode() const noexcept;
  /// Of stdin (0) to write to, of stdout (1) or stderr (2) to pause; none where there is no pipe.
  /// Python: SubprocessTransport.get_pipe_transport.
  [[nodiscard]] Transport get_pipe_transport(int fd) const;
  /// As Process::send_signal. Python: SubprocessTransport.send_signal, terminate, kill.
  void send_signal(int signal) const;
  void terminate() const { send_signal(SIGTERM); }
  void kill() const { send_signal(SIGKILL); }
};

/// All calls come on the loop's thread: connection_made first, connection_lost last, when the child
/// has ended and all its pipes have. In between process_exited() may come before or after the ends
/// of the pipes. pause_writing and resume_writing are of stdin. What these throw goes to the
/// exception handler. Python: asyncio.SubprocessProtocol.
class SubprocessProtocol : public BaseProtocol {
 public:
  virtual void connection_made(SubprocessTransport /*transport*/) {}
  /// `fd` is 1 or 2. `data` stands in the loop's own buffer: copy what you keep.
  /// Python: pipe_data_received.
  virtual void pipe_data_received(int /*fd*/, std::string_view /*data*/) {}
  /// One of the pipes, 0 to 2, has ended; null when in order. Python: pipe_connection_lost.
  virtual void pipe_connection_lost(int /*fd*/, std::exception_ptr /*error*/) {}
  /// get_returncode() tells how. Python: process_exited.
  virtual void process_exited() {}
};

namespace detail {

template <class F>
using SubprocessProtocolOf = typename std::invoke_result_t<std::decay_t<F>&>::element_type;

template <class F>
concept SubprocessProtocolFactory = requires(std::decay_t<F>& factory) {
  typename SubprocessProtocolOf<F>;
} && std::derived_from<SubprocessProtocolOf<F>, SubprocessProtocol>;

/// Gives the child to `protocol`, which is told so in the next turn.
SubprocessTransport start_subprocess(StartedChild started,
                                     std::shared_ptr<SubprocessProtocol> protocol);
/// Waits until the protocol was told; cancelled, it kills the child and waits for its end.
Coro<> finish_subprocess(SubprocessTransport transport);

template <class F>
Coro<std::pair<SubprocessTransport, std::shared_ptr<SubprocessProtocolOf<F>>>> make_subprocess(
    F factory, Launch launch) {
  for (int& stream : launch.streams) {
    if (stream == subprocess::UNSPECIFIED) stream = subprocess::PIPE;
  }
  std::shared_ptr<SubprocessProtocolOf<F>> protocol = factory();
  if (!protocol) co_await raise<TypeError>("a transport needs a protocol");
  Coro<StartedChild> starting = start_child(std::move(launch));
  StartedChild started = co_await pass(std::move(starting));
  const SubprocessTransport transport = start_subprocess(std::move(started), protocol);
  co_await pass(finish_subprocess(transport));
  co_return std::pair<SubprocessTransport, std::shared_ptr<SubprocessProtocolOf<F>>>(
      transport, std::move(protocol));
}

/// What the loop's methods subprocess_exec and subprocess_shell do. A template, so that the loop's
/// header can name it without knowing it.
template <class Options>
struct SubprocessCalls {
  template <SubprocessProtocolFactory F, class... Args>
  static auto exec(F&& factory, const Options& options, const Args&... program_and_args) {
    return start(std::forward<F>(factory), make_launch(arguments_of(program_and_args...), options));
  }
  template <SubprocessProtocolFactory F>
  static auto exec_all(F&& factory, const Options& options, std::string_view program,
                       const std::vector<std::string>& args) {
    return start(std::forward<F>(factory), make_launch(program_and(program, args), options));
  }
  template <SubprocessProtocolFactory F>
  static auto shell(F&& factory, std::string_view command, const Options& options) {
    return start(std::forward<F>(factory), make_shell_launch(command, options));
  }

 private:
  template <class F>
  static auto start(F&& factory, Launch launch) {
    static_assert(kSafeInPlace<F>,
                  "this g++ destroys the captures of a temporary lambda twice here: name it first");
    return make_subprocess<std::decay_t<F>>(std::forward<F>(factory), std::move(launch));
  }
};

}  // namespace detail
}  // namespace asyncio
