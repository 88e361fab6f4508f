#include "asyncio/process/subprocess_protocol.hpp"

#include <array>

#include "asyncio/base/context_slot.hpp"
#include "asyncio/base/error.hpp"
#include "asyncio/streams/open_transport.hpp"
#include "asyncio/streams/pipe.hpp"

namespace asyncio {
namespace detail {
namespace {

/// What the handles of one child share. The pipes are transports of streams, each with a protocol
/// that passes on to here; here is only the order in which the user's protocol is told.
class SubprocessState final : public TransportState, private ChildObserver, private ReadyNode {
 public:
  SubprocessState(StartedChild started, std::shared_ptr<SubprocessProtocol> protocol);

  [[nodiscard]] const base::Ref<Child>& child() const noexcept { return child_; }
  [[nodiscard]] const Transport& pipe(std::size_t fd) const { return pipes_[fd]; }

  // Of the pipes' protocols.
  void pipe_data_received(int fd, std::string_view data) noexcept;
  void pipe_connection_lost(int fd, const std::exception_ptr& error) noexcept;
  void pipe_paused(bool paused) noexcept;

  // --- TransportState -------------------------------------------------------------------------

  /// Closes the pipes and kills the child, if it still runs.
  void close() noexcept override;
  void abort() noexcept override { close(); }
  [[nodiscard]] bool is_closing() const noexcept override { return closing_; }
  [[nodiscard]] std::shared_ptr<BaseProtocol> protocol() const override { return protocol_; }
  [[nodiscard]] SocketAddress peername() override { return {}; }
  [[nodiscard]] SocketAddress sockname() override { return {}; }
  [[nodiscard]] int fileno() const noexcept override { return -1; }
  void set_limits(std::size_t, std::size_t) override {}
  [[nodiscard]] Limits limits() const noexcept override { return {0, 0}; }
  [[nodiscard]] std::size_t unsent() const noexcept override { return 0; }
  [[nodiscard]] std::string repr() const override;

 private:
  /// Calls the user's protocol in the context in which it was made; what it throws is reported.
  template <class Call>
  void tell(const char* name, Call call) noexcept;
  void queue() noexcept;
  static void run_turn(ReadyNode* node);
  void make() noexcept;
  void end_if_all_has() noexcept;
  void on_exit(Child& child) noexcept override;
  void on_abandoned() noexcept override { let_go(); }
  void let_go() noexcept;

  base::Ref<Child> child_;
  std::shared_ptr<SubprocessProtocol> protocol_;
  std::array<Transport, 3> pipes_;
  int open_pipes_ = 0;
  ContextSlot context_;
  bool exited_ = false;  // and the protocol was told
  bool closing_ = false;
};

/// Of one pipe.
class PipeProtocol final : public Protocol {
 public:
  PipeProtocol(SubprocessState& process, int fd) noexcept : process_(&process), fd_(fd) {}

  void data_received(std::string_view data) override { process_->pipe_data_received(fd_, data); }
  void connection_lost(std::exception_ptr error) override {
    process_->pipe_connection_lost(fd_, error);
  }
  void pause_writing() override { process_->pipe_paused(true); }
  void resume_writing() override { process_->pipe_paused(false); }

 private:
  base::Ref<SubprocessState> process_;
  int fd_;
};

SubprocessState::SubprocessState(StartedChild started, std::shared_ptr<SubprocessProtocol> protocol)
    : child_(std::move(started.child)),
      protocol_(std::move(protocol)),
      context_(ContextScope::copy_current()) {
  ReadyNode::run = &run_turn;
  add_reference();  // its own, until the end
  // Before the pipes, which are queued behind: connection_made() comes before their data.
  queue();
  child_->set_observer(this);
  Scheduler& scheduler = child_->scheduler();
  for (int fd = 0; fd < 3; ++fd) {
    const auto stream = static_cast<std::size_t>(fd);
    if (!started.ends.has(stream)) continue;
    const Ref<Connection> end = make_pipe_end(scheduler, started.ends.take(stream), fd == 0);
    pipes_[stream] = start_transport(StreamWriter(end), std::make_shared<PipeProtocol>(*this, fd));
    ++open_pipes_;
  }
}

template <class Call>
void SubprocessState::tell(const char* name, Call call) noexcept {
  const ContextScope scope(context_);
  const std::shared_ptr<SubprocessProtocol> protocol = protocol_;
  try {
    call(*protocol);
  } catch (...) {
    child_->scheduler().report_caught(name);
  }
}

void SubprocessState::queue() noexcept {
  add_reference();
  child_->scheduler().push(this);
}

// It comes twice: when the protocol is to be told of its transport, and at the very end.
void SubprocessState::run_turn(ReadyNode* node) {
  const auto self = base::Ref<SubprocessState>::adopt(static_cast<SubprocessState*>(node));
  if (self->child_->scheduler().is_closed()) return self->let_go();
  if (!self->made()) return self->make();
  self->tell("Exception in callback protocol.connection_lost()",
             [](SubprocessProtocol& protocol) { protocol.connection_lost(nullptr); });
  self->let_go();
}

void SubprocessState::let_go() noexcept {
  if (!protocol_) return;
  closing_ = true;
  child_->set_observer(nullptr);
  const std::shared_ptr<SubprocessProtocol> protocol = std::move(protocol_);
  drop_reference();
}

void SubprocessState::make() noexcept {
  tell("Exception in callback protocol.connection_made()", [this](SubprocessProtocol& protocol) {
    protocol.connection_made(SubprocessTransport(Ref<TransportState>(this)));
  });
  tell_made();
  if (child_->returncode()) on_exit(*child_);
}

void SubprocessState::on_exit(Child&) noexcept {
  if (!made()) return;  // make() looks again
  exited_ = true;
  tell("Exception in callback protocol.process_exited()",
       [](SubprocessProtocol& protocol) { protocol.process_exited(); });
  end_if_all_has();
}

void SubprocessState::pipe_data_received(int fd, std::string_view data) noexcept {
  tell("Exception in callback protocol.pipe_data_received()",
       [&](SubprocessProtocol& protocol) { protocol.pipe_data_received(fd, data); });
}

void SubprocessState::pipe_connection_lost(int fd, const std::exception_ptr& error) noexcept {
  --open_pipes_;
  tell("Exception in callback protocol.pipe_connection_lost()",
       [&](SubprocessProtocol& protocol) { protocol.pipe_connection_lost(fd, error); });
  end_if_all_has();
}

void SubprocessState::pipe_paused(bool paused) noexcept {
  tell("protocol.pause_writing() or resume_writing() failed", [&](SubprocessProtocol& protocol) {
    paused ? protocol.pause_writing() : protocol.resume_writing();
  });
}

void SubprocessState::end_if_all_has() noexcept {
  if (!exited_ || open_pipes_ > 0) return;
  closing_ = true;
  queue();
}

void SubprocessState::close() noexcept {
  if (std::exchange(closing_, true)) return;
  for (const Transport& pipe : pipes_) {
    if (pipe) pipe.close();
  }
  child_->kill();
}

std::string SubprocessState::repr() const {
  std::string text = "<SubprocessTransport pid=" + std::to_string(child_->pid());
  text += child_->returncode() ? " returncode=" + std::to_string(*child_->returncode())
                               : std::string(" running");
  return text + ">";
}

SubprocessState& state_of(const BaseTransport& transport) {
  return static_cast<SubprocessState&>(*transport.state());
}

}  // namespace

SubprocessTransport start_subprocess(StartedChild started,
                                     std::shared_ptr<SubprocessProtocol> protocol) {
  return SubprocessTransport(
      Ref<TransportState>(new SubprocessState(std::move(started), std::move(protocol))));
}

Coro<> finish_subprocess(SubprocessTransport transport) {
  const auto made = co_await try_(finish_transport(transport.state()));
  if (made.ok()) co_return;
  const base::Ref<Child> child = state_of(transport).child();
  child->kill();
  const auto ended = co_await try_(ChildWait(child));  // a second cancellation does not wait
  (void)ended;
  co_await raise(made.exception());
}

}  // namespace detail

int SubprocessTransport::get_pid() const noexcept { return detail::state_of(*this).child()->pid(); }

std::optional<int> SubprocessTransport::get_returncode() const noexcept {
  return detail::state_of(*this).child()->returncode();
}

Transport SubprocessTransport::get_pipe_transport(int fd) const {
  if (fd < 0 || fd > 2) return {};
  return detail::state_of(*this).pipe(static_cast<std::size_t>(fd));
}

void SubprocessTransport::send_signal(int signal) const {
  detail::state_of(*this).child()->send_signal(signal);
}

}  // namespace asyncio
