// An open file: its buffers, where it stands, the one call that is under way, and who waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "asyncio/base/list.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/files/call.hpp"
#include "asyncio/files/operation.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/loop/file_call.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "files/open_mode.hpp"

namespace asyncio::detail {

class FileState;

/// The call that a file has under way, with its bytes. It is the backend's until it is done,
/// whatever becomes of the file and of its loop meanwhile: then it writes and closes what there is
/// by itself.
class FileTransfer final : public LooseCall, public base::Pooled {
 public:
  /// Blocks: for the end of a loop.
  void finish() noexcept;

  FileState* owner = nullptr;
  std::string bytes;          ///< read into, or written from
  std::string unlink_path;    ///< goes before the close
  int fd_to_close = -1;       ///< at the end, when this goes on alone
  bool keeps_buffer = false;  ///< of a seek that only asks

 private:
  void arrived() noexcept override;
  void end_alone() noexcept override;
};

/// Bytes that were read and not taken yet.
struct ReadBuffer {
  std::string storage;    ///< as long as it can be without another allocation
  std::size_t begin = 0;  ///< of what is unread
  std::size_t end = 0;
  std::size_t valid = 0;  ///< of a text: up to here there are whole characters

  [[nodiscard]] std::string_view view() const noexcept {
    return std::string_view(storage).substr(begin, end - begin);
  }
  /// Room for `count` bytes behind the end.
  void make_room(std::size_t count, std::size_t expected);
  void clear() noexcept { begin = end = valid = 0; }
};

struct FileParts {
  int fd = -1;
  std::string name;
  std::string mode_text;
  std::string unlink_path;  ///< a temporary file: where its name is
  OpenMode mode;
  FileStatus status;
  std::int64_t position = -1;  ///< -1: not known
  bool seekable = false;
  bool terminal = false;
  bool closefd = true;
};

class FileState final : public LoopResource, private ReadinessListener, public base::Pooled {
 public:
  FileState(Scheduler& scheduler, FileParts parts) noexcept;
  FileState(const FileState&) = delete;
  FileState& operator=(const FileState&) = delete;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  void add_handle() noexcept {
    ++handles_;
    add_reference();
  }
  void drop_handle() noexcept;

  [[nodiscard]] const FileParts& parts() const noexcept { return parts_; }
  [[nodiscard]] const OpenMode& mode() const noexcept { return parts_.mode; }
  [[nodiscard]] bool closed() const noexcept { return closing_ || parts_.fd < 0; }
  /// A call is under way: nothing below may be asked.
  [[nodiscard]] bool busy() const noexcept { return call_ != nullptr; }
  [[nodiscard]] std::string repr() const;

  // --- reading ----------------------------------------------------------------------------------

  /// What was read and not taken. Of a text only what is known to be characters.
  [[nodiscard]] std::string_view view() const noexcept;
  /// Whether bytes that are no characters stand behind view().
  [[nodiscard]] bool has_more_than_text() const noexcept { return in_.end > in_.valid; }
  /// The last call of this operation has found the end.
  [[nodiscard]] bool at_end() const noexcept { return ended_; }
  void forget_end() noexcept { ended_ = false; }
  /// Takes `count` bytes of view(), as the user is to see them.
  std::string take(std::size_t count);
  void consume(std::size_t count) noexcept { in_.begin += count; }
  /// Begins to read at least `wanted` bytes more (kWholeFile: all), as far as there are.
  void fill(std::size_t wanted);
  /// Reads past the buffer, which is empty, straight into `memory`, as far as the kernel has it at
  /// hand; how many bytes. In a turn only.
  std::size_t read_past_buffer(std::span<std::byte> memory) noexcept;
  /// Bytes that were read and shall be in the buffer after all.
  void put_back(std::span<const std::byte> bytes);
  static constexpr std::size_t kWholeFile = ~std::size_t{0};
  /// Why view() does not go on although there are bytes, or null.
  [[nodiscard]] std::exception_ptr text_failure() const;

  // --- writing ----------------------------------------------------------------------------------

  [[nodiscard]] std::size_t unwritten() const noexcept { return out_.size(); }
  /// Gives how many bytes or characters `data` has.
  std::size_t append(std::string data);
  [[nodiscard]] bool must_write() const noexcept { return must_write_; }
  void write_out();

  // --- where it stands --------------------------------------------------------------------------

  [[nodiscard]] std::size_t unread() const noexcept { return in_.end - in_.begin; }
  /// As the user sees it; -1: ask the kernel first.
  [[nodiscard]] std::int64_t position() const noexcept;
  /// Without a call, when the place is in the buffer.
  bool move_within_buffer(std::int64_t target) noexcept;
  void seek(std::int64_t offset, int whence);
  /// Asks for the position and keeps the buffer.
  void ask_position();
  /// The kernel's position becomes ours: before a write, a truncate.
  void drop_read_ahead() { seek(-static_cast<std::int64_t>(unread()), 1); }
  void truncate(std::int64_t size);

  // --- the end ----------------------------------------------------------------------------------

  /// The error of fsync, from the first one on.
  [[nodiscard]] int sync_error() const noexcept { return sync_error_; }
  void sync(FileCall::Kind kind);
  /// From here on it counts as closed.
  void begin_closing() noexcept { closing_ = true; }
  /// Gives up what is in the buffer.
  void drop_unwritten() noexcept { out_.clear(); }
  [[nodiscard]] bool has_descriptor() const noexcept { return parts_.fd >= 0; }
  void close();

  // --- at once ----------------------------------------------------------------------------------

  /// A step of a loop should be short: this much is copied in a tenth of a millisecond.
  static constexpr std::size_t kMostInTurn = 1024 * 1024;
  /// From here to end_turn() an operation may take what the kernel has at hand.
  void begin_turn() noexcept {
    allowance_ = kMostInTurn;
    wants_turn_ = missed_ = false;
  }
  void end_turn() noexcept { allowance_ = 0; }
  /// Whether the kernel may have something at hand. False outside of a turn, and when this one's
  /// allowance is used up: if it may, the operation then wants another turn.
  [[nodiscard]] bool may_be_at_hand() noexcept;
  [[nodiscard]] bool wants_turn() const noexcept { return wants_turn_; }
  bool take_wish() noexcept { return std::exchange(wants_turn_, false); }
  /// Gives the first operation another turn.
  void come_again() noexcept;
  /// The last call was made and needs no wait. Once.
  bool was_over_at_once() noexcept { return std::exchange(over_at_once_, false); }

  // --- for operations ---------------------------------------------------------------------------

  /// The errno of the last call, once; 0 when it went well.
  int take_error() noexcept { return std::exchange(error_, 0); }
  /// OSError of the last call.
  [[nodiscard]] std::exception_ptr describe(int error) const;
  [[nodiscard]] FileOperation* first() const noexcept { return waiting_.front(); }
  void join(FileOperation& operation) noexcept { waiting_.push_back(&operation); }
  /// An operation has left: the next one's turn.
  void next_turn() noexcept;

  void on_call_done(FileTransfer& call) noexcept;
  void on_loop_close() noexcept override;

 private:
  ~FileState();
  FileTransfer& prepare(FileCall::Kind kind);
  void launch();
  void make_soon(FileTransfer& call);
  void apply(FileTransfer& call) noexcept;
  void apply_read(FileTransfer& call) noexcept;
  void count_read(const FileCall& call) noexcept;
  bool make_at_once(FileCall& call) noexcept;
  void apply_write(FileTransfer& call) noexcept;
  void on_ready() noexcept override;
  bool wait_until_readable();
  void check_text() noexcept;
  void forget_what_is_read() noexcept;
  [[nodiscard]] std::string translated(std::string_view raw) const;
  void continue_closing() noexcept;
  void warn_unclosed() const noexcept;
  void leave_to(FileTransfer& call) noexcept;
  void unwatch() noexcept;

  Scheduler* scheduler_;  // null when it has closed
  FileParts parts_;
  ReadBuffer in_;
  std::string out_;
  std::unique_ptr<FileTransfer> spare_;
  FileTransfer* call_ = nullptr;
  base::List<FileOperation> waiting_;
  Descriptor descriptor_;
  std::int64_t total_read_ = 0;  // for messages about what cannot seek
  FileCall::Kind last_kind_ = FileCall::Kind::other;
  std::size_t last_done_ = 0;   // of the last write: how much was written
  std::size_t last_asked_ = 0;  // ... and how much there was
  struct Again : ReadyNode {
    FileState* file = nullptr;  // null: it is not queued
  } again_;
  std::size_t allowance_ = 0;  // how much may be read at once, in this turn
  int error_ = 0;
  int sync_error_ = 0;
  int references_ = 0;
  int handles_ = 0;
  bool ended_ = false;
  bool must_write_ = false;
  bool closing_ = false;
  bool tries_at_once_;        // a call of the kernel may need no wait
  bool was_at_hand_ = false;  // one did not
  bool missed_ = false;       // one did, in this turn
  bool over_at_once_ = false;
  bool wants_turn_ = false;
};

}  // namespace asyncio::detail
