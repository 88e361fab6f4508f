#include "net/connect_race.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/exception_group.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio::detail {

std::vector<SocketAddress> interleave_addresses(std::vector<SocketAddress> addresses,
                                                int first_family_count) {
  std::vector<std::vector<SocketAddress>> families;
  for (const SocketAddress& address : addresses) {
    const auto same = std::find_if(families.begin(), families.end(), [&](const auto& family) {
      return family.front().family() == address.family();
    });
    if (same != families.end()) {
      same->push_back(address);
    } else {
      families.emplace_back(1, address);
    }
  }
  std::vector<SocketAddress> out;
  std::vector<std::size_t> taken(families.size(), 0);
  // All but one of the head start; that one opens the first round.
  for (int lead = first_family_count - 1; lead > 0 && taken[0] < families[0].size(); --lead) {
    out.push_back(families[0][taken[0]++]);
  }
  while (out.size() < addresses.size()) {
    for (std::size_t i = 0; i < families.size(); ++i) {
      if (taken[i] < families[i].size()) out.push_back(families[i][taken[i]++]);
    }
  }
  return out;
}

// --- errors -------------------------------------------------------------------------------------

namespace {

std::exception_ptr error_of(const ConnectFailure& failure) {
  return make_os_error(failure.error, failure.operation, failure.subject);
}

// As the error's own text, without making and throwing it.
std::string text_of(const ConnectFailure& failure) {
  std::string context = failure.operation;
  if (!failure.subject.empty()) context += " " + failure.subject;
  return OSError(failure.error, context).what();
}

}  // namespace

std::exception_ptr merge_failures(std::vector<ConnectFailure> failures, bool all_errors) {
  std::sort(failures.begin(), failures.end(),
            [](const auto& a, const auto& b) { return a.place < b.place; });
  if (all_errors) {
    std::vector<std::exception_ptr> errors;
    for (const ConnectFailure& failure : failures) errors.push_back(error_of(failure));
    return std::make_exception_ptr(ExceptionGroup("create_connection failed", std::move(errors)));
  }
  std::string all;
  bool same = true;
  const std::string first = text_of(failures.front());
  for (const ConnectFailure& failure : failures) {
    const std::string text = text_of(failure);
    same = same && text == first;
    if (!all.empty()) all += ", ";
    all += text;
  }
  if (same) return error_of(failures.front());
  return std::make_exception_ptr(OSError(failures.back().error, "Multiple exceptions", all));
}

// --- one attempt --------------------------------------------------------------------------------

class ConnectRace::Attempt final : private ReadinessListener {
 public:
  Attempt(ConnectRace& race, std::size_t place)
      : race_(&race),
        place_(place),
        to_(race.addresses_[place]),
        connection_(new Connection(*race.scheduler_, -1, race.limit_)) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() { stop_listening(); }

  /// 0: connected; -EAGAIN: under way; else -errno, and operation() and subject() say of what.
  int begin(const SocketAddress& from) noexcept {
    operation_ = "socket";
    if (const int opened = connection_->open(to_.family(), SOCK_STREAM); opened < 0) return opened;
    connection_->set_option(IPPROTO_TCP, TCP_NODELAY, 1);
    if (!from.empty()) {
      operation_ = "bind";
      if (const int bound = connection_->bind(from); bound < 0) return bound;
    }
    operation_ = "connect";
    const int result = backend().connect(connection_->fileno(), to_);
    if (result != -EINPROGRESS) return result;
    const int watched = connection_->set_listener(Socket::Direction::write, *this);
    return watched < 0 ? watched : -EAGAIN;
  }

  /// The same, some time later.
  int result() noexcept {
    if (!std::exchange(event_, false)) return -EAGAIN;
    if (!connection_->is_open()) return -EBADF;
    if (const int failure = backend().socket_error(connection_->fileno()); failure != 0) {
      return -failure;
    }
    // Woken for nothing? Then it has no peer yet.
    SocketAddress peer;
    const int connected = backend().peer_address(connection_->fileno(), peer);
    return connected == -ENOTCONN ? -EAGAIN : connected;
  }

  [[nodiscard]] ConnectFailure failure(int error, const SocketAddress& from) const {
    const std::string_view operation = operation_;
    if (operation == "socket") return {place_, error, operation_, {}};
    return {place_, error, operation_, (operation == "bind" ? from : to_).to_string()};
  }

  [[nodiscard]] const SocketAddress& to() const noexcept { return to_; }
  Ref<Connection> take() noexcept {
    stop_listening();
    return connection_;
  }

 private:
  [[nodiscard]] Backend& backend() const noexcept { return race_->scheduler_->backend(); }
  void on_ready() noexcept override {
    event_ = true;
    race_->wake();
  }
  void stop_listening() noexcept { connection_->remove_listener(Socket::Direction::write, *this); }

  ConnectRace* race_;
  std::size_t place_;
  SocketAddress to_;
  Ref<Connection> connection_;
  const char* operation_ = "";
  bool event_ = false;
};

// --- the race -----------------------------------------------------------------------------------

ConnectRace::ConnectRace(std::vector<SocketAddress> addresses, const SocketAddress& from,
                         std::size_t limit, const RaceOptions& options)
    : TimerNode(&on_delay),
      addresses_(std::move(addresses)),
      from_(from),
      limit_(limit),
      all_errors_(options.all_errors),
      filter_(options.filter) {
  if (options.delay) delay_ = options.delay->value();
}

ConnectRace::ConnectRace(ConnectRace&& other) noexcept
    : Suspend(std::move(other)),
      TimerNode(&on_delay),
      addresses_(std::move(other.addresses_)),
      from_(other.from_),
      limit_(other.limit_),
      delay_(other.delay_),
      all_errors_(other.all_errors_),
      filter_(other.filter_) {}

ConnectRace::~ConnectRace() { stop(); }

bool ConnectRace::await_ready() {
  scheduler_ = &running_scheduler();
  if (!from_.empty()) {
    std::erase_if(addresses_, [&](const auto& to) { return to.family() != from_.family(); });
  }
  return advance();
}

bool ConnectRace::await_suspend(Continuation continuation) { return park(continuation); }

bool ConnectRace::retry() { return advance(); }

bool ConnectRace::abort() {
  stop();
  return true;
}

// True: it is over, won or lost.
bool ConnectRace::advance() noexcept {
  try {
    if (!look_at_attempts() && !begin_those_due() && !attempts_.empty()) {
      arm_delay();
      return false;
    }
  } catch (...) {
    broken_ = std::current_exception();
  }
  stop();
  return true;
}

bool ConnectRace::look_at_attempts() {
  for (std::size_t i = 0; i < attempts_.size();) {
    Attempt& attempt = *attempts_[i];
    const int result = attempt.result();
    if (result == -EAGAIN) {
      ++i;
      continue;
    }
    if (result >= 0) {
      take(attempt);
      return true;
    }
    if (i + 1 == attempts_.size()) newest_failed_ = true;
    failures_.push_back(attempt.failure(-result, from_));
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return false;
}

// The next begins when the one before it has failed, or has had its time.
bool ConnectRace::may_begin_next() const noexcept {
  if (next_ == addresses_.size()) return false;
  return newest_failed_ || (delay_ && scheduler_->time() >= next_due_);
}

bool ConnectRace::begin_those_due() {
  while (may_begin_next()) {
    const bool connected = begin(next_++);
    if (connected) return true;
  }
  return false;
}

bool ConnectRace::begin(std::size_t place) {
  if (!filter_.allows(addresses_[place])) {
    newest_failed_ = true;
    const std::string subject = addresses_[place].to_string() + " (refused by connect_filter)";
    failures_.push_back({place, EACCES, "connect", subject});
    return false;
  }
  auto attempt = std::make_unique<Attempt>(*this, place);
  const int result = attempt->begin(from_);
  newest_failed_ = result < 0 && result != -EAGAIN;
  if (newest_failed_) {
    failures_.push_back(attempt->failure(-result, from_));
    return false;
  }
  if (result >= 0) {
    take(*attempt);
    return true;
  }
  attempts_.push_back(std::move(attempt));
  if (delay_) next_due_ = base::saturating_add(scheduler_->time(), *delay_);
  return false;
}

void ConnectRace::take(Attempt& winner) {
  winner_ = winner.take();
  peer_ = winner.to();
}

void ConnectRace::arm_delay() {
  if (!delay_ || next_ == addresses_.size()) return;
  if (armed()) scheduler_->disarm(*this);
  scheduler_->arm(*this, next_due_);
}

void ConnectRace::stop() noexcept {
  if (armed()) scheduler_->disarm(*this);
  attempts_.clear();
}

std::exception_ptr ConnectRace::error() {
  if (cancelled()) return cancellation();
  if (broken_) return broken_;
  if (winner_) return nullptr;
  if (!failures_.empty()) return merge_failures(std::move(failures_), all_errors_);
  return std::make_exception_ptr(
      OSError(EADDRNOTAVAIL, "connect: no address of the family of the local one"));
}

StreamPair ConnectRace::await_resume() {
  if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  winner_->set_peer(peer_);
  return {StreamReader(Ref<ReadSide>(winner_.get())), StreamWriter(winner_)};
}

}  // namespace asyncio::detail
