#include "asyncio/files/file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "asyncio/coro/pass.hpp"
#include "files/file_state.hpp"
#include "files/utf8.hpp"

namespace asyncio {

UnicodeDecodeError::UnicodeDecodeError(std::int64_t first_place, std::int64_t behind,
                                       unsigned char first, std::string_view why)
    : UnicodeError([&] {
        constexpr const char* kDigits = "0123456789abcdef";
        std::string text = "'utf-8' codec can't decode byte";
        if (behind - first_place > 1) {
          text += "s in position " + std::to_string(first_place) + "-" + std::to_string(behind - 1);
        } else {
          text += std::string(" 0x") + kDigits[first / 16] + kDigits[first % 16] + " in position " +
                  std::to_string(first_place);
        }
        return text + ": " + std::string(why);
      }()),
      start(first_place),
      end(behind),
      reason(why) {}

namespace detail {
namespace {

using files::UnsupportedOperation;

std::exception_ptr unsupported(const char* text) {
  return std::make_exception_ptr(UnsupportedOperation(text));
}

enum class Ready : unsigned char { yes, wait, no };

// Before a read: it may, and nothing is left to be written.
Ready ready_to_read(FileState& state) {
  if (!state.mode().readable) return Ready::no;
  if (state.unwritten() == 0) return Ready::yes;
  state.write_out();
  return Ready::wait;
}

// Before a write: where the kernel stands is where the user does.
Ready ready_to_write(FileState& state) {
  if (!state.mode().writable) return Ready::no;
  if (state.unread() == 0 || !state.parts().seekable) return Ready::yes;
  state.drop_read_ahead();
  return Ready::wait;
}

// Behind the first character of a text, which may be a "\r\n" that counts as one; 0 when one more
// byte must be seen.
std::size_t behind_character(std::string_view text, const FileState& state) {
  if (text[0] == '\r' && state.mode().newline == Newline::translate) {
    if (text.size() == 1) return state.at_end() || state.has_more_than_text() ? 1 : 0;
    return text[1] == '\n' ? 2 : 1;
  }
  return std::max<std::size_t>(1, utf8_at(text).size);
}

constexpr std::size_t kNone = std::string_view::npos;

// Behind the first `count` characters; kNone: there are not so many.
std::size_t behind_characters(std::string_view text, std::size_t count, const FileState& state) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    const std::size_t size = at < text.size() ? behind_character(text.substr(at), state) : 0;
    if (size == 0) return kNone;
    at += size;
  }
  return at;
}

// Behind the end of the line that is looked for from `from` on; kNone: it is not there yet.
std::size_t behind_line(std::string_view text, std::size_t from, const FileState& state) {
  const Newline newline = state.mode().text ? state.mode().newline : Newline::lf;
  if (newline == Newline::crlf) {
    const std::size_t at = text.find("\r\n", from);
    return at == kNone ? kNone : at + 2;
  }
  if (newline == Newline::cr) {
    const std::size_t at = text.find('\r', from);
    return at == kNone ? kNone : at + 1;
  }
  const std::size_t feed = text.find('\n', from);
  if (newline == Newline::lf) return feed == kNone ? kNone : feed + 1;
  const std::size_t end = std::min(feed, text.size());
  const void* carriage = end > from ? std::memchr(text.data() + from, '\r', end - from) : nullptr;
  if (carriage == nullptr) return feed == kNone ? kNone : feed + 1;
  const auto at = static_cast<std::size_t>(static_cast<const char*>(carriage) - text.data());
  if (at + 1 < text.size()) return text[at + 1] == '\n' ? at + 2 : at + 1;
  return state.at_end() || state.has_more_than_text() ? at + 1 : kNone;
}

}  // namespace

// --- reading ------------------------------------------------------------------------------------

bool FileReadBase::advance(FileState& state) {
  switch (ready_to_read(state)) {
    case Ready::no:
      return fail(unsupported("not readable"));
    case Ready::wait:
      return false;
    case Ready::yes:
      break;
  }
  if (count_ < 0) {
    found_ = state.view().size();
    if (state.at_end()) {
      std::exception_ptr failure = state.text_failure();
      return failure ? fail(std::move(failure)) : true;
    }
    if (std::exception_ptr failure = state.text_failure()) return fail(std::move(failure));
    state.fill(FileState::kWholeFile);
    return false;
  }
  return state.mode().text ? advance_text(state) : advance_bytes(state);
}

bool FileReadBase::advance_bytes(FileState& state) {
  const auto wanted = static_cast<std::size_t>(count_);
  const std::size_t there = state.view().size();
  found_ = std::min(there, wanted);
  if (there >= wanted || state.at_end()) return true;
  if (state.mode().buffer_size == 0 && there > 0) return true;  // as the kernel gives it
  state.fill(wanted - there);
  return false;
}

bool FileReadBase::advance_text(FileState& state) {
  const auto wanted = static_cast<std::size_t>(count_);
  const std::string_view text = state.view();
  while (counted_ < wanted && found_ < text.size()) {
    const std::size_t size = behind_character(text.substr(found_), state);
    if (size == 0) break;
    found_ += size;
    ++counted_;
  }
  if (counted_ >= wanted) return true;
  // What stands before bytes that are none is given first.
  std::exception_ptr failure = state.text_failure();
  if (failure) return counted_ > 0 ? true : fail(std::move(failure));
  if (state.at_end()) return true;
  state.fill(wanted - counted_);
  return false;
}

std::string FileReadBase::take() {
  check();
  return state().take(found_);
}

bool FileReadInto::advance(FileState& state) {
  if (state.mode().text) return fail(unsupported("readinto: the file is a text"));
  if (past_buffer(state)) return true;
  return !state.wants_turn() && FileReadBase::advance(state);
}

// Straight into the user's memory, and that in the turn in which the await ends: so nothing is lost
// with a cancelled one. When that is not all, what has come goes the usual way.
bool FileReadInto::past_buffer(FileState& state) {
  if (!state.mode().readable || state.unwritten() > 0 || state.unread() > 0) return false;
  const std::size_t size = buffer_.size();
  if (size == 0 || size < state.mode().buffer_size || size > FileState::kMostInTurn) return false;
  if (state.at_end() || !state.may_be_at_hand()) return false;
  found_ = state.read_past_buffer(buffer_);
  past_buffer_ = found_ == size || state.at_end();
  if (!past_buffer_) state.put_back(buffer_.first(found_));
  return past_buffer_;
}

std::size_t FileReadInto::await_resume() {
  check();
  if (past_buffer_) return found_;
  if (found_ > 0) std::memcpy(buffer_.data(), state().view().data(), found_);
  state().consume(found_);
  return found_;
}

bool FileReadSome::advance(FileState& state) {
  if (state.mode().text)
    return fail(unsupported(keep_ ? "peek: the file is a text" : "read1: the file is a text"));
  const Ready ready = ready_to_read(state);
  if (ready == Ready::no) return fail(unsupported("not readable"));
  if (ready == Ready::wait) return false;
  if (!state.view().empty() || state.at_end() || (count_ == 0 && !keep_)) return true;
  state.fill(count_ > 0 ? static_cast<std::size_t>(count_) : 1);
  return false;
}

std::string FileReadSome::await_resume() {
  check();
  if (keep_) return std::string(state().view());
  const std::size_t there = state().view().size();
  return state().take(count_ < 0 ? there : std::min(there, static_cast<std::size_t>(count_)));
}

bool FileLineBase::advance(FileState& state) {
  const Ready ready = ready_to_read(state);
  if (ready == Ready::no) return fail(unsupported("not readable"));
  if (ready == Ready::wait) return false;
  const std::string_view text = state.view();
  const std::size_t end = behind_line(text, searched_, state);
  found_ = end == kNone ? text.size() : end;
  if (limit_ >= 0) {
    const auto most = static_cast<std::size_t>(limit_);
    const std::size_t longest = state.mode().text ? behind_characters(text, most, state) : most;
    if (found_ >= longest) {
      found_ = longest;
      return true;
    }
  }
  if (end != kNone) return true;
  if (std::exception_ptr failure = state.text_failure()) return fail(std::move(failure));
  if (state.at_end()) return true;
  searched_ = text.empty() ? 0 : text.size() - 1;  // a "\r" may have been the last
  state.fill(1);
  return false;
}

std::string FileLineBase::take() {
  check();
  return state().take(found_);
}

// --- writing ------------------------------------------------------------------------------------

bool FileWrite::advance(FileState& state) {
  if (!taken_) {
    const Ready ready = ready_to_write(state);
    if (ready == Ready::no) return fail(unsupported("not writable"));
    if (ready == Ready::wait) return false;
    count_ = state.append(std::move(data_));
    taken_ = true;
  }
  if (!state.must_write() || state.unwritten() == 0) return true;
  state.write_out();
  return false;
}

bool FileFlush::advance(FileState& state) {
  if (state.unwritten() > 0) {
    state.write_out();
    return false;
  }
  if (depth_ == Depth::buffer || synced_) return true;
  if (state.sync_error() != 0) return on_failure(state, state.sync_error());
  synced_ = true;
  state.sync(depth_ == Depth::disk ? FileCall::Kind::fsync : FileCall::Kind::fdatasync);
  return false;
}

bool FileFlush::on_failure(FileState& state, int error_number) {
  if (state.unwritten() > 0) return fail(state.describe(error_number));
  return fail(make_os_error(error_number, "fsync", state.parts().name));
}

// --- where it stands ----------------------------------------------------------------------------

bool FileSeek::refuse(FileState& state) {
  if (whence_ < 0 || whence_ > 2) {
    return fail(std::make_exception_ptr(
        ValueError("invalid whence (" + std::to_string(whence_) + ", should be 0, 1 or 2)")));
  }
  if (!state.parts().seekable) return fail(unsupported("File or stream is not seekable."));
  if (!state.mode().text) return false;
  if (whence_ == 1 && offset_ != 0) {
    return fail(unsupported("can't do nonzero cur-relative seeks"));
  }
  if (whence_ == 2 && offset_ != 0) {
    return fail(unsupported("can't do nonzero end-relative seeks"));
  }
  if (whence_ == 0 && offset_ < 0) {
    return fail(
        std::make_exception_ptr(ValueError("negative seek position " + std::to_string(offset_))));
  }
  return false;
}

bool FileSeek::advance(FileState& state) {
  if (moved_) return true;
  if (refuse(state)) return true;
  if (state.unwritten() > 0) {
    state.write_out();
    return false;
  }
  const std::int64_t here = state.position();
  if (whence_ == 0 && state.move_within_buffer(offset_)) return true;
  std::int64_t target = 0;
  if (whence_ == 1 && here >= 0 && !__builtin_add_overflow(here, offset_, &target) &&
      state.move_within_buffer(target)) {
    return true;
  }
  moved_ = true;
  const bool ahead = whence_ == 1;
  state.seek(ahead ? offset_ - static_cast<std::int64_t>(state.unread()) : offset_, whence_);
  return false;
}

std::int64_t FileSeek::await_resume() {
  check();
  return state().position();
}

bool FileTell::advance(FileState& state) {
  if (!state.parts().seekable) {
    return fail(make_os_error(ESPIPE, "tell", state.parts().name));
  }
  if (state.position() >= 0) return true;
  state.ask_position();
  return false;
}

std::int64_t FileTell::await_resume() {
  check();
  return state().position();
}

bool FileTruncate::advance(FileState& state) {
  if (cut_) return true;
  if (!state.mode().writable) return fail(unsupported("truncate"));
  if (state.unwritten() > 0) {
    state.write_out();
    return false;
  }
  if (state.unread() > 0 && state.parts().seekable) {
    state.drop_read_ahead();
    return false;
  }
  if (!size_ && state.position() < 0) {
    state.ask_position();
    return false;
  }
  if (!size_) size_ = state.position();
  cut_ = true;
  state.truncate(*size_);
  return false;
}

// --- the end ------------------------------------------------------------------------------------

bool FileClose::advance(FileState& state) {
  state.begin_closing();
  if (!state.has_descriptor()) return first_failure_ ? fail(first_failure_) : true;
  if (state.unwritten() > 0 && !gave_up_writing_) {
    state.write_out();
    return false;
  }
  state.drop_unwritten();
  state.close();
  return false;
}

bool FileClose::on_failure(FileState& state, int error_number) {
  if (!first_failure_) first_failure_ = state.describe(error_number);
  gave_up_writing_ = true;
  return false;
}

}  // namespace detail

// --- File ---------------------------------------------------------------------------------------

namespace files {
namespace {

const detail::FileParts& open_parts(const detail::FileState* state) {
  if (state == nullptr || state->closed()) throw ValueError("I/O operation on closed file");
  return state->parts();
}

}  // namespace

File::File(const File& other) noexcept : state_(other.state_) {
  if (state_ != nullptr) state_->add_handle();
}

File::~File() {
  if (state_ != nullptr) state_->drop_handle();
}

Coro<std::vector<std::string>> File::readlines(std::ptrdiff_t hint) {
  // The frame keeps a handle of its own: it may be awaited when this one has gone.
  return [](File file, std::ptrdiff_t enough) -> Coro<std::vector<std::string>> {
    std::vector<std::string> lines;
    std::size_t total = 0;
    for (;;) {
      std::string line = co_await pass(file.readline());
      if (line.empty()) break;
      total += line.size();
      lines.push_back(std::move(line));
      if (enough > 0 && total >= static_cast<std::size_t>(enough)) break;
    }
    co_return lines;
  }(*this, hint);
}

detail::FileWrite File::writelines(const std::vector<std::string>& lines) {
  std::string all;
  std::size_t size = 0;
  for (const std::string& line : lines) size += line.size();
  all.reserve(size);
  for (const std::string& line : lines) all += line;
  return {state_, std::move(all)};
}

bool File::closed() const noexcept { return state_ == nullptr || state_->closed(); }
int File::fileno() const { return open_parts(state_).fd; }
bool File::readable() const { return open_parts(state_).mode.readable; }
bool File::writable() const { return open_parts(state_).mode.writable; }
bool File::seekable() const { return open_parts(state_).seekable; }
bool File::isatty() const { return open_parts(state_).terminal; }

const std::string& File::name() const noexcept {
  static const std::string none;
  return state_ == nullptr ? none : state_->parts().name;
}

const std::string& File::mode() const noexcept {
  static const std::string none;
  return state_ == nullptr ? none : state_->parts().mode_text;
}

std::string File::repr() const {
  return state_ == nullptr ? "<asyncio.files.File, never opened>" : state_->repr();
}

}  // namespace files
}  // namespace asyncio
