#include "files/file_state.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/files/errors.hpp"
#include "files/at_once.hpp"
#include "files/utf8.hpp"

namespace asyncio::detail {
namespace {

// A read of a whole file goes in steps: each is a call that cannot be stopped.
constexpr std::size_t kLongestStep = 1024 * 1024;
constexpr std::size_t kUnbufferedStep = 64 * 1024;

const char* name_of(FileCall::Kind kind) noexcept {
  switch (kind) {
    case FileCall::Kind::read:
      return "read";
    case FileCall::Kind::write:
      return "write";
    case FileCall::Kind::seek:
      return "seek";
    case FileCall::Kind::truncate:
      return "truncate";
    case FileCall::Kind::fsync:
      return "fsync";
    case FileCall::Kind::fdatasync:
      return "fdatasync";
    default:
      return "close";
  }
}

void replace_newlines(std::string& text, std::string_view newline) {
  std::size_t at = 0;
  while ((at = text.find('\n', at)) != std::string::npos) {
    text.replace(at, 1, newline);
    at += newline.size();
  }
}

}  // namespace

// --- the call that is under way -----------------------------------------------------------------

void FileTransfer::arrived() noexcept { owner->on_call_done(*this); }

void FileTransfer::end_alone() noexcept {
  finish();
  delete this;
}

void FileTransfer::finish() noexcept {
  faults = nullptr;
  if (kind == Kind::close) {
    if (result == -ECANCELED) run();
    return;
  }
  const bool cut_short =
      result == -ECANCELED || (result >= 0 && (stopped_by == 0 || stopped_by == ECANCELED));
  if (kind == Kind::write && cut_short) {
    const std::size_t written = result > 0 ? static_cast<std::size_t>(result) : 0;
    buffer = bytes.data() + written;
    size = bytes.size() - written;
    if (size > 0) run();
  }
  if (kind == Kind::write && (result < 0 || stopped_by != 0)) {
    log(LogLevel::error, "a file could not be written when its loop was closed");
  }
  FileCall last;
  if (!unlink_path.empty()) {
    last.kind = Kind::unlink;
    last.path = unlink_path.c_str();
    last.run();
  }
  last.kind = Kind::close;
  last.fd = fd_to_close;
  if (fd_to_close >= 0) last.run();
}

// --- the read buffer ----------------------------------------------------------------------------

void ReadBuffer::make_room(std::size_t count, std::size_t expected) {
  if (begin > 0) {
    std::memmove(storage.data(), storage.data() + begin, end - begin);
    end -= begin;
    valid -= begin;
    begin = 0;
  }
  if (storage.size() >= end + count) return;
  storage.reserve(end + std::max(count, expected));
  storage.resize(end + count);
}

// --- FileState: its life ------------------------------------------------------------------------

FileState::FileState(Scheduler& scheduler, FileParts parts) noexcept
    : scheduler_(&scheduler), parts_(std::move(parts)) {
  tries_at_once_ = parts_.status.is_file() && may_try_at_once(scheduler);
  descriptor_.fd = parts_.fd;
  scheduler.attach(*this);
}

FileState::~FileState() {
  ASYNCIO_DEBUG_CHECK(!has_descriptor(), "a file goes and is not closed");
  unwatch();
}

void FileState::unwatch() noexcept {
  if (descriptor_.watched && scheduler_ != nullptr) scheduler_->backend().unwatch(descriptor_);
}

std::string FileState::repr() const {
  return "<asyncio.files.File name='" + parts_.name + "' mode='" + parts_.mode_text +
         (parts_.mode.text ? "' encoding='utf-8'>" : "'>");
}

FileTransfer& FileState::prepare(FileCall::Kind kind) {
  ASYNCIO_CHECK(call_ == nullptr && has_descriptor(), "a file makes one call at a time");
  if (!spare_) spare_ = std::make_unique<FileTransfer>();
  spare_->owner = this;
  spare_->kind = kind;
  spare_->fd = parts_.fd;
  spare_->offset = -1;
  spare_->whole = false;
  spare_->stopped_by = 0;
  spare_->ended = false;
  spare_->path = nullptr;
  spare_->needs_thread = !parts_.status.is_file() && !parts_.status.is_block_device();
  last_kind_ = kind;
  error_ = 0;
  return *spare_;
}

void FileState::launch() {
  spare_->begin(*scheduler_);
  call_ = spare_.release();
  add_reference();
}

void FileState::on_call_done(FileTransfer& call) noexcept {
  call_ = nullptr;
  spare_.reset(&call);
  apply(call);
  next_turn();
  drop_reference();
}

void FileState::next_turn() noexcept {
  if (busy()) return;
  if (FileOperation* next = waiting_.front()) return next->tell();
  if (closing_ || handles_ == 0) continue_closing();
}

void FileState::apply(FileTransfer& call) noexcept {
  if (call.result < 0) error_ = static_cast<int>(-call.result);
  switch (call.kind) {
    case FileCall::Kind::read:
      return apply_read(call);
    case FileCall::Kind::write:
      return apply_write(call);
    case FileCall::Kind::seek:
      if (call.result < 0) return;
      parts_.position = call.result;
      if (!call.keeps_buffer) in_.clear();
      return;
    case FileCall::Kind::fsync:
    case FileCall::Kind::fdatasync:
      if (sync_error_ == 0) sync_error_ = error_;
      return;
    case FileCall::Kind::unlink:
      error_ = 0;  // somebody has removed it, or it was moved: it is theirs
      return;
    case FileCall::Kind::close:
      parts_.fd = -1;
      return;
    default:
      return;
  }
}

// --- reading ------------------------------------------------------------------------------------

std::string_view FileState::view() const noexcept {
  const std::size_t end = parts_.mode.text ? in_.valid : in_.end;
  return std::string_view(in_.storage).substr(in_.begin, end - in_.begin);
}

// Of what is no regular file: without a thread that waits. True: it is not readable yet, and the
// operation will be told.
bool FileState::wait_until_readable() {
  Backend& backend = scheduler_->backend();
  Readiness ready;
  const int looked = backend.poll_now(parts_.fd, ready);
  if (looked < 0 || ready.readable) return false;
  if (!descriptor_.watched && backend.watch(descriptor_) < 0) return false;  // /dev/null: always is
  descriptor_.reader = this;
  return true;
}

void FileState::on_ready() noexcept { next_turn(); }

void FileState::fill(std::size_t wanted) {
  const bool regular = parts_.status.is_file() || parts_.status.is_block_device();
  if (!regular && wait_until_readable()) return;
  const bool at_hand = may_be_at_hand();
  if (wants_turn_) return;
  std::size_t left = 0;  // what the file had when it was opened
  if (parts_.status.is_file() && parts_.position >= 0 && parts_.status.st_size > parts_.position) {
    left = static_cast<std::size_t>(parts_.status.st_size - parts_.position) + 1;
  }
  const std::size_t block = parts_.mode.buffer_size;
  std::size_t count = wanted;
  if (wanted == kWholeFile) count = std::max({left, block, kUnbufferedStep});
  count = std::max(count, block);
  const std::size_t expected = wanted == kWholeFile ? std::max(left, count) : count;
  if (left > 0 && (block > 0 || wanted == kWholeFile)) count = std::min(count, left);
  count = std::min(count, kLongestStep);
  in_.make_room(count, expected);
  FileTransfer& call = prepare(FileCall::Kind::read);
  call.bytes = std::move(in_.storage);
  call.buffer = call.bytes.data() + in_.end;
  call.size = count;
  call.whole = regular && (block > 0 || wanted == kWholeFile);
  if (at_hand && make_at_once(call)) return apply_read(call);
  try {
    launch();
  } catch (...) {
    in_.storage = std::move(call.bytes);
    throw;
  }
}

void FileState::apply_read(FileTransfer& call) noexcept {
  in_.storage = std::move(call.bytes);
  if (error_ == EAGAIN) error_ = 0;  // somebody else took it: wait again
  if (call.result < 0) return;
  error_ = call.stopped_by;
  count_read(call);
  in_.end += static_cast<std::size_t>(call.result);
  if (parts_.mode.text) check_text();
}

// A read that was to go on and stops exactly where the file ends has found the end there: another
// one would only say so.
void FileState::count_read(const FileCall& call) noexcept {
  total_read_ += call.result;
  if (parts_.position >= 0) parts_.position += call.result;
  const bool at_size = parts_.status.is_file() && parts_.position == parts_.status.st_size &&
                       static_cast<std::size_t>(call.result) < call.size;
  ended_ = call.ended || call.result == 0 || at_size;
}

// --- at once ------------------------------------------------------------------------------------

bool FileState::may_be_at_hand() noexcept {
  if (!tries_at_once_ || missed_) return false;
  wants_turn_ = allowance_ == 0;
  return !wants_turn_;
}

bool FileState::make_at_once(FileCall& call) noexcept {
  over_at_once_ = run_at_once(call);
  if (call.kind != FileCall::Kind::read) return over_at_once_;
  missed_ = !over_at_once_;
  if (over_at_once_) was_at_hand_ = true;
  if (call.result == -EOPNOTSUPP) tries_at_once_ = false;
  constexpr std::ptrdiff_t kCallItself = 512;
  const auto cost = static_cast<std::size_t>(std::max(call.result, kCallItself));
  allowance_ -= std::min(allowance_, cost);
  return over_at_once_;
}

void FileState::come_again() noexcept {
  if (scheduler_ == nullptr || again_.file != nullptr) return;
  again_.file = this;
  again_.run = [](ReadyNode* node) {
    FileState& file = *std::exchange(static_cast<Again*>(node)->file, nullptr);
    file.next_turn();
    file.drop_reference();
  };
  add_reference();
  scheduler_->push(&again_);
}

std::size_t FileState::read_past_buffer(std::span<std::byte> memory) noexcept {
  FileCall call;
  call.kind = FileCall::Kind::read;
  call.fd = parts_.fd;
  call.buffer = memory.data();
  call.size = std::min(memory.size(), kLongestStep);
  if (!make_at_once(call)) return 0;
  over_at_once_ = false;
  in_.clear();
  count_read(call);
  return static_cast<std::size_t>(call.result);
}

void FileState::put_back(std::span<const std::byte> bytes) {
  in_.make_room(bytes.size(), bytes.size());
  std::memcpy(in_.storage.data() + in_.end, bytes.data(), bytes.size());
  in_.end += bytes.size();
}

void FileState::check_text() noexcept {
  for (;;) {
    const std::string_view rest =
        std::string_view(in_.storage).substr(in_.valid, in_.end - in_.valid);
    in_.valid += utf8_prefix(rest);
    if (in_.valid == in_.end || parts_.mode.errors == TextErrors::strict) return;
    const Utf8Character bad =
        utf8_at(std::string_view(in_.storage).substr(in_.valid, in_.end - in_.valid));
    if (bad.cut && !ended_) return;
    in_.valid += bad.size;  // take() repairs it
  }
}

std::exception_ptr FileState::text_failure() const {
  if (!parts_.mode.text || in_.valid >= in_.end) return nullptr;
  const std::string_view rest =
      std::string_view(in_.storage).substr(in_.valid, in_.end - in_.valid);
  const Utf8Character bad = utf8_at(rest);
  if (bad.cut && !ended_) return nullptr;
  const std::int64_t behind = parts_.position >= 0 ? parts_.position : total_read_;
  const std::int64_t start = behind - static_cast<std::int64_t>(rest.size());
  return std::make_exception_ptr(
      UnicodeDecodeError(start, start + static_cast<std::int64_t>(bad.size),
                         static_cast<unsigned char>(rest[0]), bad.problem));
}

std::string FileState::translated(std::string_view raw) const {
  if (!parts_.mode.text) return std::string(raw);
  std::string text;
  if (parts_.mode.errors == TextErrors::strict) {
    text = raw;
  } else {
    text = utf8_repaired(raw, parts_.mode.errors == TextErrors::replace ? "\xEF\xBF\xBD" : "");
  }
  const bool plain = parts_.mode.newline != Newline::translate ||
                     std::memchr(text.data(), '\r', text.size()) == nullptr;
  return plain ? text : with_plain_newlines(text);
}

std::string FileState::take(std::size_t count) {
  const std::string_view raw = view().substr(0, count);
  const bool all = in_.begin == 0 && count == in_.end;
  const bool as_it_is =
      !parts_.mode.text ||
      (parts_.mode.errors == TextErrors::strict &&
       (parts_.mode.newline != Newline::translate || raw.find('\r') == std::string_view::npos));
  const bool reads_on = count < parts_.mode.buffer_size && !ended_;
  if (!all || !as_it_is || reads_on) {
    std::string text = translated(raw);
    consume(count);
    return text;
  }
  in_.storage.resize(count);
  std::string text = std::move(in_.storage);
  in_.storage = std::string();
  in_.clear();
  return text;
}

// --- writing ------------------------------------------------------------------------------------

std::size_t FileState::append(std::string data) {
  std::size_t count = data.size();
  bool has_line = false;
  if (parts_.mode.text) {
    const std::size_t valid = utf8_prefix(data);
    if (valid != data.size()) throw encode_error(valid);
    count = utf8_length(data);
    has_line = parts_.mode.line_buffering && data.find_first_of("\r\n") != std::string::npos;
    if (parts_.mode.newline == Newline::cr) replace_newlines(data, "\r");
    if (parts_.mode.newline == Newline::crlf) replace_newlines(data, "\r\n");
  }
  if (out_.empty() && data.size() > parts_.mode.buffer_size) {
    out_ = std::move(data);
  } else {
    out_ += data;
  }
  must_write_ = has_line || out_.size() > parts_.mode.buffer_size;
  return count;
}

// What was read and taken must not be found again by a seek: it does not end where we stand now.
void FileState::forget_what_is_read() noexcept {
  if (unread() == 0) in_.clear();
}

void FileState::write_out() {
  forget_what_is_read();
  FileTransfer& call = prepare(FileCall::Kind::write);
  call.bytes = std::move(out_);
  out_.clear();
  call.buffer = call.bytes.data();
  call.size = call.bytes.size();
  call.whole = true;
  last_asked_ = call.size;
  try {
    launch();
  } catch (...) {
    out_ = std::move(call.bytes);
    throw;
  }
}

void FileState::apply_write(FileTransfer& call) noexcept {
  last_done_ = call.result > 0 ? static_cast<std::size_t>(call.result) : 0;
  if (call.result >= 0) error_ = call.stopped_by;
  call.bytes.erase(0, last_done_);
  out_ = std::move(call.bytes);
  must_write_ = !out_.empty();
  if (parts_.mode.append) {
    parts_.position = -1;  // the kernel has chosen it
  } else if (parts_.position >= 0) {
    parts_.position += static_cast<std::int64_t>(last_done_);
  }
}

// --- where it stands ----------------------------------------------------------------------------

std::int64_t FileState::position() const noexcept {
  if (parts_.position < 0) return -1;
  return parts_.position - static_cast<std::int64_t>(unread()) +
         static_cast<std::int64_t>(out_.size());
}

bool FileState::move_within_buffer(std::int64_t target) noexcept {
  const std::int64_t end = parts_.position;
  if (end < 0 || in_.end == 0 || !out_.empty()) return false;
  if (target > end || target < end - static_cast<std::int64_t>(in_.end)) return false;
  in_.begin = in_.end - static_cast<std::size_t>(end - target);
  in_.valid = in_.begin;
  if (parts_.mode.text) check_text();
  return true;
}

void FileState::seek(std::int64_t offset, int whence) {
  FileTransfer& call = prepare(FileCall::Kind::seek);
  call.offset = offset;
  call.flags = whence;
  call.keeps_buffer = false;
  make_soon(call);
}

void FileState::ask_position() {
  FileTransfer& call = prepare(FileCall::Kind::seek);
  call.offset = 0;
  call.flags = SEEK_CUR;
  call.keeps_buffer = true;
  make_soon(call);
}

// A short call, for which nobody needs a turn.
void FileState::make_soon(FileTransfer& call) {
  if (tries_at_once_ && make_at_once(call)) return apply(call);
  launch();
}

void FileState::truncate(std::int64_t size) {
  forget_what_is_read();
  prepare(FileCall::Kind::truncate).offset = size;
  launch();
}

// --- the end ------------------------------------------------------------------------------------

void FileState::sync(FileCall::Kind kind) {
  prepare(kind);
  launch();
}

void FileState::close() {
  unwatch();
  if (!parts_.closefd) {
    parts_.fd = -1;
    over_at_once_ = true;
    return;
  }
  if (!parts_.unlink_path.empty()) {
    FileTransfer& call = prepare(FileCall::Kind::unlink);
    call.unlink_path = std::exchange(parts_.unlink_path, {});
    call.path = call.unlink_path.c_str();
    return launch();
  }
  FileTransfer& call = prepare(FileCall::Kind::close);
  // A file system that gives what it has at hand is no network's: of a file that was only read it
  // has nobody to tell.
  if (was_at_hand_ && !parts_.mode.writable) return make_soon(call);
  launch();
}

std::exception_ptr FileState::describe(int error) const {
  std::string subject = parts_.name;
  if (last_kind_ == FileCall::Kind::write) {
    subject += " (" + std::to_string(last_done_) + " of " + std::to_string(last_asked_) +
               " bytes are written)";
  }
  return make_os_error(error, name_of(last_kind_), subject);
}

void FileState::warn_unclosed() const noexcept {
  try {
    log(LogLevel::warning, "ResourceWarning: unclosed file " + repr());
  } catch (const std::bad_alloc&) {
    log(LogLevel::warning, "ResourceWarning: unclosed file");
  }
}

void FileState::drop_handle() noexcept {
  if (--handles_ == 0 && scheduler_ != nullptr && has_descriptor()) {
    if (!closing_ && parts_.closefd) warn_unclosed();
    next_turn();  // unless an operation is still there: then at its end
  }
  drop_reference();
}

// Nobody waits for it. Step by step: each call that ends comes here again.
void FileState::continue_closing() noexcept {
  closing_ = true;
  if (busy() || !has_descriptor() || scheduler_ == nullptr) return;
  if (take_error() != 0 && last_kind_ == FileCall::Kind::write) {
    log(LogLevel::error, "a file was closed in the background and not all of it could be written");
    out_.clear();
  }
  try {
    if (out_.empty()) return close();
    write_out();
  } catch (...) {
    FileTransfer rest;  // no thread, no memory: here and now
    leave_to(rest);
    rest.finish();
  }
}

// What is left to be done goes to `call`.
void FileState::leave_to(FileTransfer& call) noexcept {
  unwatch();
  if (!out_.empty() && call.kind == FileCall::Kind::other) {
    call.kind = FileCall::Kind::write;
    call.fd = parts_.fd;
    call.whole = true;
    call.bytes = std::move(out_);
    out_.clear();
  }
  if (parts_.closefd && call.kind != FileCall::Kind::close) {
    call.fd_to_close = parts_.fd;
    call.unlink_path = std::move(parts_.unlink_path);
  }
  parts_.fd = -1;
}

void FileState::on_loop_close() noexcept {
  if (FileTransfer* call = std::exchange(call_, nullptr)) {
    leave_to(*call);
    call->let_go();
    scheduler_ = nullptr;
    drop_reference();
    return;
  }
  if (has_descriptor()) {
    FileTransfer rest;
    leave_to(rest);
    rest.finish();
  }
  scheduler_ = nullptr;
}

}  // namespace asyncio::detail
