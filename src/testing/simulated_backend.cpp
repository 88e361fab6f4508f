#include "asyncio/testing/simulated_backend.hpp"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/task.hpp"
#include "testing/allocation_faults.hpp"
#include "testing/network_model.hpp"

namespace asyncio::testing {
namespace {

// Some time in the past of a machine that has been up for a while: not zero, so that a time of zero
// is "long ago", and no two seeds alike, so that nobody leans on it.
Nanoseconds start_for(std::uint64_t seed) {
  const std::uint64_t days = Random(seed ^ 0x5EEDU).below(std::uint64_t{1} << 51);
  return std::chrono::hours(1) + Nanoseconds(days);
}

constexpr std::int64_t kWallClock = 1'735'689'600;  // 2025-01-01

}  // namespace

SimulatedBackend::SimulatedBackend(const SimulationOptions& options)
    : options_(options),
      chance_(options.seed),
      dice_(~options.seed),
      start_(start_for(options.seed)),
      now_(start_),
      wall_(kWallClock),
      model_(std::make_unique<detail::NetworkModel>(chance_, trace_, now_, start_)),
      network_(*model_),
      turns_at_(start_) {
  // Every turn is to look here: jobs may be due, and a livelock is counted.
  watched_ = 1;
  trace_.keep(options.keep_events);
}

SimulatedBackend::~SimulatedBackend() { SimulatedBackend::close_all(); }

std::int64_t SimulatedBackend::wall_clock_seconds() noexcept {
  return wall_ + std::chrono::duration_cast<std::chrono::seconds>(elapsed()).count();
}

std::uint64_t SimulatedBackend::random() noexcept {
  const AllocationFaults::Spared spared;
  const std::uint64_t value = dice_.next();
  trace_.add(elapsed(), "random", 0, static_cast<std::int64_t>(value));
  return value;
}

// --- time
// -----------------------------------------------------------------------------------------

void SimulatedBackend::wait(Nanoseconds deadline) {
  const AllocationFaults::Spared spared;
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  count_turn();
  const bool look_only = deadline == Nanoseconds::min();
  model_->run_due();
  run_due_jobs();
  if (!look_only && !model_->has_edges()) step(deadline);
  model_->dispatch(options_.shuffle);
}

// Lets the clock jump until something has happened or the deadline has come.
void SimulatedBackend::step(Nanoseconds deadline) {
  bool happened = false;
  while (!happened && !model_->has_edges() && !woken_.exchange(false)) {
    const Nanoseconds next = std::min({deadline, model_->next_event(), next_job()});
    if (next == Nanoseconds::max()) {
      const Scheduler* scheduler = Scheduler::running();
      throw Deadlock("nothing can ever run again" +
                     (scheduler == nullptr ? std::string() : describe_waits(*scheduler)));
    }
    now_ = std::max(now_, next);
    model_->run_due();
    happened = run_due_jobs();
    if (now_ >= deadline) break;
  }
  trace_.add(elapsed(), "turn", 0, 0);
}

void SimulatedBackend::wake() noexcept { woken_.store(true); }

void SimulatedBackend::count_turn() {
  if (turns_at_ != now_) {
    turns_at_ = now_;
    turns_here_ = 0;
  }
  if (++turns_here_ > options_.turn_limit) {
    turns_here_ = 0;
    const Scheduler* scheduler = Scheduler::running();
    throw Livelock(std::to_string(options_.turn_limit) + " turns and no time has passed" +
                   (scheduler == nullptr ? std::string() : describe_waits(*scheduler)));
  }
}

// --- jobs
// -----------------------------------------------------------------------------------------

void SimulatedBackend::submit(BlockingJob& job) {
  const AllocationFaults::Spared spared;
  if (closed_) throw RuntimeError("cannot schedule new work after the loop was closed");
  if (count_call(Operation::submit) != 0) throw RuntimeError("can't start new thread: simulated");
  const auto longest =
      static_cast<std::uint64_t>(std::max<std::int64_t>(options_.longest_job.count(), 0));
  const Nanoseconds when = now_ + Nanoseconds(chance_.below(longest + 1));
  const std::int64_t number = next_job_number_++;
  const std::uint64_t order =
      options_.shuffle ? chance_.next() : static_cast<std::uint64_t>(number);
  jobs_.push_back({&job, when, order, number, false});
}

void SimulatedBackend::start(FileCall& call) {
  call.faults = this;
  submit(call);
}

int SimulatedBackend::before(FileCall::Kind kind, std::size_t& size) noexcept {
  using Kind = FileCall::Kind;
  Operation operation = Operation::file_other;
  if (kind == Kind::open) operation = Operation::file_open;
  if (kind == Kind::read) operation = Operation::file_read;
  if (kind == Kind::write) operation = Operation::file_write;
  if (kind == Kind::fsync || kind == Kind::fdatasync) operation = Operation::file_sync;
  if (kind == Kind::close) operation = Operation::file_close;
  if (most_file_bytes_ > 0) size = std::min(size, most_file_bytes_);
  return -count_call(operation);
}

Nanoseconds SimulatedBackend::next_job() const noexcept {
  Nanoseconds next = Nanoseconds::max();
  for (const Job& job : jobs_) next = std::min(next, job.when);
  return next;
}

// Whether one came back. A job may submit others.
bool SimulatedBackend::run_due_jobs() {
  bool any = false;
  for (;;) {
    auto first = jobs_.end();
    for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
      if (job->when > now_) continue;
      if (first == jobs_.end() ||
          std::pair(job->when, job->order) < std::pair(first->when, first->order)) {
        first = job;
      }
    }
    if (first == jobs_.end()) return any;
    Job job = *first;
    jobs_.erase(first);
    if (!job.ran) {
      resolve_delay_ = Nanoseconds{0};
      const AllocationFaults::Exposed exposed;
      job.job->run();
      if (resolve_delay_.count() > 0) {
        job.ran = true;
        job.when = now_ + resolve_delay_;
        jobs_.push_back(job);
        continue;
      }
    }
    trace_.add(elapsed(), "job", job.number, 0);
    any = true;
    // As from a worker thread: it comes back in the ready queue of this turn.
    if (Scheduler* loop = Scheduler::running()) {
      loop->send(*job.job);
    } else {
      job.job->done();
    }
  }
}

ResolveAnswer SimulatedBackend::resolve(const ResolveQuery& query) {
  if (std::this_thread::get_id() != thread_.load(std::memory_order_relaxed)) {
    ResolveAnswer refused;
    refused.error = EAI_FAIL;
    refused.reason =
        "a simulated world looks names up in its loop's thread only; leave its default executor "
        "(set_default_executor) alone";
    return refused;
  }
  const AllocationFaults::Spared spared;
  ResolveAnswer answer;
  if (const int error = count_call(Operation::resolve); error != 0) {
    answer.error = error;
    answer.reason = "simulated failure";
  } else {
    answer = model_->resolve(query, resolve_delay_);
  }
  trace_.add(elapsed(), "resolve", answer.error,
             static_cast<std::int64_t>(answer.addresses.size()));
  return answer;
}

void SimulatedBackend::close_all() noexcept {
  closed_ = true;
  while (!jobs_.empty()) {
    BlockingJob* job = jobs_.front().job;
    jobs_.erase(jobs_.begin());
    job->done();
  }
}

// --- signals ------------------------------------------------------------------------------------

int SimulatedBackend::catch_signal(int number, SignalListener& listener) {
  if (number == SIGKILL || number == SIGSTOP) return -EINVAL;
  signals_[number] = &listener;
  return 0;
}

void SimulatedBackend::release_signal(int number, SignalListener& listener) noexcept {
  const auto at = signals_.find(number);
  if (at != signals_.end() && at->second == &listener) signals_.erase(at);
}

void SimulatedBackend::raise_signal(int number) {
  const auto at = signals_.find(number);
  if (at == signals_.end()) {
    throw std::logic_error("nobody catches signal " + std::to_string(number) +
                           ": it would end the program");
  }
  trace_.add(elapsed(), "signal", number, 0);
  at->second->on_signal();
}

// --- sockets
// --------------------------------------------------------------------------------------

void SimulatedBackend::fail_call(Operation operation, std::uint64_t index, int error) noexcept {
  const auto which = static_cast<std::size_t>(operation);
  faults_[which] = {calls_[which] + index, error};
}

// The errno that this call is to fail with, or 0.
int SimulatedBackend::count_call(Operation operation) noexcept {
  const auto which = static_cast<std::size_t>(operation);
  return calls_[which]++ == faults_[which].call ? faults_[which].error : 0;
}

std::ptrdiff_t SimulatedBackend::note(const char* event, int fd, std::ptrdiff_t result) {
  trace_.add(elapsed(), event, model_->number_of(fd), result);
  return result;
}

int SimulatedBackend::watch(Descriptor& descriptor) {
  const AllocationFaults::Spared spared;
  if (descriptor.watched) return 0;
  if (const int error = count_call(Operation::watch); error != 0) return -error;
  const int result = model_->watch(descriptor);
  if (result < 0) return result;
  descriptor.watched = true;
  ++watched_;
  return 0;
}

void SimulatedBackend::unwatch(Descriptor& descriptor) noexcept {
  const AllocationFaults::Spared spared;
  if (!descriptor.watched) return;
  descriptor.watched = false;
  --watched_;
  model_->unwatch(descriptor);
}

int SimulatedBackend::socket(int family, int type, int protocol) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::socket); error != 0) return -error;
  const int fd =
      protocol < 0 ? -EPROTONOSUPPORT : model_->socket(family, type, options_.descriptor_limit);
  // The number itself depends on what else the process has open.
  note("socket", fd, fd < 0 ? fd : 0);
  return fd;
}

int SimulatedBackend::bind(int fd, const SocketAddress& address) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::bind); error != 0) return -error;
  return static_cast<int>(note("bind", fd, model_->bind(fd, address)));
}

int SimulatedBackend::listen(int fd, int backlog) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::listen); error != 0) return -error;
  return static_cast<int>(note("listen", fd, model_->listen(fd, backlog)));
}

int SimulatedBackend::accept(int fd, SocketAddress& peer) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::accept); error != 0) return -error;
  const int accepted = model_->accept(fd, peer, options_.descriptor_limit);
  note("accept", fd, accepted < 0 ? accepted : model_->number_of(accepted));
  return accepted;
}

int SimulatedBackend::connect(int fd, const SocketAddress& address) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::connect); error != 0) return -error;
  return static_cast<int>(note("connect", fd, model_->connect(fd, address)));
}

int SimulatedBackend::shutdown_write(int fd) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::shutdown); error != 0) return -error;
  return static_cast<int>(note("shutdown", fd, model_->shutdown_write(fd)));
}

std::ptrdiff_t SimulatedBackend::recv(int fd, std::span<std::byte> buffer) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::recv); error != 0) return -error;
  return note("recv", fd, model_->recv(fd, buffer));
}

std::ptrdiff_t SimulatedBackend::send(int fd, std::span<const std::byte> data) {
  return send_many(fd, std::span(&data, 1));
}

std::ptrdiff_t SimulatedBackend::send_many(int fd,
                                           std::span<const std::span<const std::byte>> pieces) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::send); error != 0) return -error;
  return note("send", fd, model_->send(fd, pieces));
}

std::ptrdiff_t SimulatedBackend::recv_from(int fd, std::span<std::byte> buffer,
                                           ReceivedDatagram& info) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::recv); error != 0) return -error;
  return note("recvfrom", fd, model_->recv_from(fd, buffer, info));
}

std::ptrdiff_t SimulatedBackend::send_to(int fd, std::span<const std::byte> data,
                                         const SocketAddress& to) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::send); error != 0) return -error;
  return note("sendto", fd, model_->send_to(fd, data, to));
}

int SimulatedBackend::socket_error(int fd) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::socket_error); error != 0) return error;
  return model_->socket_error(fd);
}

int SimulatedBackend::set_option(int fd, int level, int option, int value) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::set_option); error != 0) return -error;
  return model_->set_option(fd, level, option, value);
}

int SimulatedBackend::local_address(int fd, SocketAddress& out) {
  const AllocationFaults::Spared spared;
  return model_->local_address(fd, out);
}

int SimulatedBackend::peer_address(int fd, SocketAddress& out) {
  const AllocationFaults::Spared spared;
  return model_->peer_address(fd, out);
}

void SimulatedBackend::close(int fd) noexcept {
  const AllocationFaults::Spared spared;
  model_->close(fd);
}

int SimulatedBackend::socket_pair(int type, std::array<int, 2>& ends) {
  const AllocationFaults::Spared spared;
  if (const int error = count_call(Operation::socket); error != 0) return -error;
  return static_cast<int>(
      note("socketpair", -1, model_->socket_pair(type, ends, options_.descriptor_limit)));
}

int SimulatedBackend::get_option(int fd, int level, int option, int& value) {
  const AllocationFaults::Spared spared;
  return model_->get_option(fd, level, option, value);
}

// Nothing here can block: the world would stand still.
int SimulatedBackend::set_blocking(int fd, bool blocking) {
  const AllocationFaults::Spared spared;
  Readiness ready;
  if (model_->poll_now(fd, ready) < 0) return -EBADF;
  return blocking ? -ENOSYS : 0;
}

int SimulatedBackend::poll_now(int fd, Readiness& ready) {
  const AllocationFaults::Spared spared;
  model_->run_due();
  return model_->poll_now(fd, ready);
}

// --- files: no more of them than Unix sockets leave behind
// -----------------------------------------------------------------------------------------------

int SimulatedBackend::identify_file(const std::string& path, FileIdentity& identity) {
  const AllocationFaults::Spared spared;
  return model_->identify_file(path, identity);
}

int SimulatedBackend::unlink(const std::string& path) {
  const AllocationFaults::Spared spared;
  return model_->unlink(path);
}

// --- what waits
// -----------------------------------------------------------------------------------

std::string describe_waits(const Scheduler& scheduler) {
  std::string text;
  for (const AnyTask& task : all_tasks(scheduler)) {
    text += "\n  " + task.get_name() + " " + task.task_block()->describe_wait();
  }
  return text;
}

}  // namespace asyncio::testing
