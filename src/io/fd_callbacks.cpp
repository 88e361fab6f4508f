#include "asyncio/io/fd_callbacks.hpp"

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {
namespace {

using Direction = Descriptor::Direction;

// A callback with the context it was given; a replaced or removed one lives until it returns.
struct ContextCallback {
  FdCallback call;
  ContextSlot context;
};

class WatchedFd;

// One direction of a descriptor.
class Side final : public ReadinessListener, private ReadyNode {
 public:
  Side(WatchedFd& owner, Direction direction) noexcept : owner_(&owner), direction_(direction) {
    run = &run_turn;
  }

  void on_ready() noexcept override;
  void set_callback(std::shared_ptr<ContextCallback> callback) noexcept {
    callback_ = std::move(callback);
  }
  [[nodiscard]] bool has_callback() const noexcept { return callback_ != nullptr; }
  void set_task(ReadinessListener* task) noexcept { task_ = task; }
  [[nodiscard]] ReadinessListener* task() const noexcept { return task_; }
  [[nodiscard]] bool in_use() const noexcept { return has_callback() || task_ != nullptr; }
  /// Looks in the next turn, and calls if it is ready.
  void queue() noexcept;

 private:
  static void run_turn(ReadyNode* node);
  void call_if_ready();
  [[nodiscard]] bool is_ready() const;

  WatchedFd* owner_;
  Direction direction_;
  std::shared_ptr<ContextCallback> callback_;
  ReadinessListener* task_ = nullptr;
  std::shared_ptr<WatchedFd> alive_;  // while the node is queued
};

class FdTable;

// A descriptor as it is registered with the backend.
class WatchedFd final : public std::enable_shared_from_this<WatchedFd> {
 public:
  WatchedFd(FdTable& of, int fd) noexcept : table(&of) {
    descriptor.fd = fd;
    descriptor.reader = &reader;
    descriptor.writer = &writer;
  }
  [[nodiscard]] Side& side(Direction direction) noexcept {
    return direction == Direction::read ? reader : writer;
  }

  FdTable* table;  // null: forgotten
  Descriptor descriptor;
  Side reader{*this, Direction::read};
  Side writer{*this, Direction::write};
  bool kept = false;  // registered until forget_fd(), also while nobody waits
};

// All of one loop.
class FdTable final : public LayerState, public LoopResource {
 public:
  explicit FdTable(Scheduler& of) : scheduler(of) { of.attach(*this); }

  [[nodiscard]] std::shared_ptr<WatchedFd> find(int fd) const noexcept {
    const auto at = fds_.find(fd);
    return at == fds_.end() ? nullptr : at->second;
  }
  /// Registered, or what that failed with.
  int watch(int fd, std::shared_ptr<WatchedFd>& watched);
  void drop_if_idle(WatchedFd& watched) noexcept {
    if (!watched.reader.in_use() && !watched.writer.in_use() && !watched.kept) drop(watched);
  }
  void drop(WatchedFd& watched) noexcept;
  /// False: the number has been closed, or stands for another file by now.
  bool is_same_file(WatchedFd& watched);
  void on_loop_close() noexcept override {
    while (!fds_.empty()) drop(*fds_.begin()->second);
  }

  Scheduler& scheduler;

 private:
  std::map<int, std::shared_ptr<WatchedFd>> fds_;
};

class OwnedFds final : public LayerState {
 public:
  explicit OwnedFds(Scheduler&) noexcept {}
  void note(std::size_t fd, bool owned) {
    if (fd >= bits_.size()) bits_.resize(fd + 64);
    bits_[fd] = owned;
  }
  [[nodiscard]] bool has(std::size_t fd) const noexcept { return fd < bits_.size() && bits_[fd]; }

 private:
  std::vector<bool> bits_;
};

// --- one direction ------------------------------------------------------------------------------

void Side::on_ready() noexcept {
  if (task_ != nullptr) {
    task_->on_ready();
  } else if (callback_) {
    queue();
  }
}

void Side::queue() noexcept {
  if (alive_) return;
  alive_ = owner_->shared_from_this();
  owner_->table->scheduler.push(this);
}

void Side::run_turn(ReadyNode* node) {
  auto* self = static_cast<Side*>(node);
  const std::shared_ptr<WatchedFd> owner = std::move(self->alive_);
  // A loop that closes takes nodes out until there are none: nobody is called any more then.
  if (owner->table == nullptr || owner->table->scheduler.is_closed()) return;
  if (self->callback_) self->call_if_ready();
}

bool Side::is_ready() const {
  Readiness ready;
  const int looked = owner_->table->scheduler.backend().poll_now(owner_->descriptor.fd, ready);
  if (looked < 0) {
    // Closed without remove_reader(): Python's loop would not hear of it either.
    owner_->table->drop(*owner_);
    return false;
  }
  return direction_ == Direction::read ? ready.readable : ready.writable;
}

// Somebody else may have taken what the edge told of: then the next edge brings us here again.
void Side::call_if_ready() {
  // Whoever has closed it without a word may have another file under its number by now.
  if (!owner_->table->is_same_file(*owner_)) return owner_->table->drop(*owner_);
  if (!is_ready()) return;
  const std::shared_ptr<ContextCallback> callback = callback_;
  Scheduler& scheduler = owner_->table->scheduler;
  try {
    const ContextScope scope(callback->context);
    if (scope.refused()) [[unlikely]]
      std::rethrow_exception(make_context_error());
    callback->call();
  } catch (...) {
    scheduler.report_caught("Exception in callback");
  }
  if (owner_->table != nullptr && callback_ && is_ready()) queue();
}

// --- the table ----------------------------------------------------------------------------------

int FdTable::watch(int fd, std::shared_ptr<WatchedFd>& watched) {
  watched = find(fd);
  if (watched && (watched->kept || is_same_file(*watched))) return 0;
  if (watched) drop(*watched);
  watched = std::make_shared<WatchedFd>(*this, fd);
  if (const int result = scheduler.backend().watch(watched->descriptor); result < 0) return result;
  try {
    fds_.emplace(fd, watched);
  } catch (...) {
    scheduler.backend().unwatch(watched->descriptor);
    throw;
  }
  return 0;
}

bool FdTable::is_same_file(WatchedFd& watched) {
  // A file that is registered is refused a second time.
  Descriptor probe;
  probe.fd = watched.descriptor.fd;
  const int result = scheduler.backend().watch(probe);
  if (result == 0) scheduler.backend().unwatch(probe);
  return result == -EEXIST;
}

void FdTable::drop(WatchedFd& watched) noexcept {
  const std::shared_ptr<WatchedFd> alive = watched.shared_from_this();
  if (std::exchange(watched.table, nullptr) == nullptr) return;
  scheduler.backend().unwatch(watched.descriptor);
  fds_.erase(watched.descriptor.fd);
  for (Side* side : {&watched.reader, &watched.writer}) {
    side->set_callback(nullptr);
    // It finds out that there is nothing to wait for any more.
    if (ReadinessListener* task = side->task()) task->on_ready();
    side->set_task(nullptr);
  }
}

void check_not_owned(const Scheduler& scheduler, int fd) {
  const auto* owned = scheduler.find_state<OwnedFds>();
  if (owned != nullptr && owned->has(static_cast<std::size_t>(fd))) {
    throw RuntimeError("File descriptor " + std::to_string(fd) + " is used by transport");
  }
}

}  // namespace

// --- callbacks ----------------------------------------------------------------------------------

void add_fd_callback(Scheduler& scheduler, int fd, Direction direction, FdCallback callback,
                     const CallbackOptions& options) {
  scheduler.check_call();
  if (fd < 0) throw ValueError("Invalid file descriptor: " + std::to_string(fd));
  check_not_owned(scheduler, fd);
  const char* name = direction == Direction::read ? "add_reader" : "add_writer";
  auto block = std::make_shared<ContextCallback>(
      ContextCallback{std::move(callback), context_or_copy(options.context)});
  auto& table = scheduler.state<FdTable>();
  const bool was_known = table.find(fd) != nullptr;
  std::shared_ptr<WatchedFd> watched;
  if (const int result = table.watch(fd, watched); result < 0) {
    throw_os_error(-result, name, "file descriptor " + std::to_string(fd));
  }
  Side& side = watched->side(direction);
  if (side.task() != nullptr) {
    throw RuntimeError("File descriptor " + std::to_string(fd) + " is awaited by a task");
  }
  side.set_callback(std::move(block));
  // Registering tells what is ready; later, the edge has gone by.
  if (was_known) side.queue();
}

bool remove_fd_callback(Scheduler& scheduler, int fd, Direction direction) {
  if (scheduler.is_closed()) return false;
  scheduler.check_call();
  if (fd < 0) throw ValueError("Invalid file descriptor: " + std::to_string(fd));
  check_not_owned(scheduler, fd);
  auto* table = scheduler.find_state<FdTable>();
  const std::shared_ptr<WatchedFd> watched = table == nullptr ? nullptr : table->find(fd);
  if (!watched || !watched->side(direction).has_callback()) return false;
  watched->side(direction).set_callback(nullptr);
  table->drop_if_idle(*watched);
  return true;
}

// --- tasks that wait ----------------------------------------------------------------------------

int listen_to_fd(Scheduler& scheduler, int fd, Direction direction,
                 ReadinessListener& listener) noexcept {
  try {
    std::shared_ptr<WatchedFd> watched;
    if (const int result = scheduler.state<FdTable>().watch(fd, watched); result < 0) return result;
    Side& side = watched->side(direction);
    if (side.task() != nullptr && side.task() != &listener) return -EBUSY;
    side.set_callback(nullptr);
    side.set_task(&listener);
    watched->kept = true;
    return 0;
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
}

void stop_listening_to_fd(Scheduler& scheduler, int fd, Direction direction,
                          const ReadinessListener& listener) noexcept {
  auto* table = scheduler.find_state<FdTable>();
  const std::shared_ptr<WatchedFd> watched = table == nullptr ? nullptr : table->find(fd);
  if (!watched) return;
  Side& side = watched->side(direction);
  if (side.task() == &listener) side.set_task(nullptr);
}

void forget_fd(Scheduler& scheduler, int fd) noexcept {
  auto* table = scheduler.find_state<FdTable>();
  const std::shared_ptr<WatchedFd> watched = table == nullptr ? nullptr : table->find(fd);
  if (watched) table->drop(*watched);
}

// --- who owns what ------------------------------------------------------------------------------

void note_owned_fd(Scheduler& scheduler, int fd, bool owned) noexcept {
  if (fd < 0) return;
  try {
    if (auto* found = scheduler.find_state<OwnedFds>(); found != nullptr || owned) {
      OwnedFds& fds = found != nullptr ? *found : scheduler.state<OwnedFds>();
      fds.note(static_cast<std::size_t>(fd), owned);
    }
  } catch (const std::bad_alloc&) {
    // Then a misuse of it goes unnoticed.
  }
}

}  // namespace asyncio::detail
