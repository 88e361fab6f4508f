#include "asyncio/files/tempfile.hpp"

#include <cstdlib>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "files/open_record.hpp"
#include "files/random_name.hpp"

namespace asyncio::files::tempfile {
namespace {

using detail::OpenRecord;

std::string folder_of(std::string_view dir) {
  return dir.empty() ? gettempdir() : std::string(dir);
}

std::string new_path(const std::string& dir, std::string_view prefix, std::string_view suffix) {
  std::string path = dir;
  if (!path.ends_with('/')) path += '/';
  path += prefix;
  path += detail::random_name(detail::running_scheduler().backend());
  path += suffix;
  return path;
}

Open open_temporary(std::string_view mode, const TemporaryOptions& options, OpenRecord::What what) {
  const std::string dir = folder_of(options.dir);
  std::string stem = dir;
  if (!stem.ends_with('/')) stem += '/';
  stem += options.prefix;
  std::exception_ptr bad = detail::check_path(stem);
  if (!bad) bad = detail::check_path(options.suffix);
  if (bad) return Open(std::move(bad));
  std::unique_ptr<OpenRecord> record;
  try {
    record = std::make_unique<OpenRecord>(stem, mode, OpenOptions());
  } catch (...) {
    return Open(std::current_exception());
  }
  record->what = what;
  record->folder = dir;
  record->suffix = options.suffix;
  record->goes_with_close = what == OpenRecord::What::named_temporary && options.delete_;
  return Open(std::move(record));
}

}  // namespace

std::string gettempdir() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen == nullptr || *chosen == '\0' ? "/tmp" : chosen;
}

Open TemporaryFile(std::string_view mode, TemporaryOptions options) {
  return open_temporary(mode, options, OpenRecord::What::nameless);
}

Open NamedTemporaryFile(std::string_view mode, TemporaryOptions options) {
  return open_temporary(mode, options, OpenRecord::What::named_temporary);
}

// --- SpooledTemporaryFile -----------------------------------------------------------------------

std::string SpooledTemporaryFile::take(std::size_t count) {
  const std::size_t there = memory_.size() - std::min(at_, memory_.size());
  std::string data = memory_.substr(std::min(at_, memory_.size()), std::min(count, there));
  at_ += data.size();
  return data;
}

Coro<std::string> SpooledTemporaryFile::read(std::ptrdiff_t count) {
  if (closed_) co_await raise<ValueError>("I/O operation on closed file.");
  if (rolled_) co_return co_await pass(file_.read(count));
  co_return take(count < 0 ? memory_.size() : static_cast<std::size_t>(count));
}

Coro<std::string> SpooledTemporaryFile::readline() {
  if (closed_) co_await raise<ValueError>("I/O operation on closed file.");
  if (rolled_) co_return co_await pass(file_.readline());
  const std::size_t end = memory_.find('\n', at_);
  co_return take(end == std::string::npos ? memory_.size() : end + 1 - at_);
}

Coro<std::size_t> SpooledTemporaryFile::write(std::string data) {
  if (closed_) co_await raise<ValueError>("I/O operation on closed file.");
  const std::size_t count = data.size();
  if (rolled_) co_return co_await pass(file_.write(std::move(data)));
  if (at_ > memory_.size()) memory_.resize(at_);
  memory_.replace(at_, std::min(count, memory_.size() - at_), data);
  at_ += count;
  if (max_size_ > 0 && memory_.size() > max_size_) co_await pass(rollover());
  co_return count;
}

Coro<std::int64_t> SpooledTemporaryFile::seek(std::int64_t offset, int whence) {
  if (closed_) co_await raise<ValueError>("I/O operation on closed file.");
  if (rolled_) co_return co_await pass(file_.seek(offset, whence));
  std::int64_t target = offset;
  if (whence == 1) target += static_cast<std::int64_t>(at_);
  if (whence == 2) target += static_cast<std::int64_t>(memory_.size());
  if (whence < 0 || whence > 2) {
    co_await raise<ValueError>("invalid whence (" + std::to_string(whence) +
                               ", should be 0, 1 or 2)");
  }
  if (target < 0) co_await raise<ValueError>("negative seek value " + std::to_string(target));
  at_ = static_cast<std::size_t>(target);
  co_return target;
}

Coro<std::int64_t> SpooledTemporaryFile::tell() {
  if (closed_) co_await raise<ValueError>("I/O operation on closed file.");
  if (rolled_) co_return co_await pass(file_.tell());
  co_return static_cast<std::int64_t>(at_);
}

Coro<> SpooledTemporaryFile::truncate() {
  if (closed_) co_await raise<ValueError>("I/O operation on closed file.");
  if (rolled_) {
    co_await pass(file_.truncate());
  } else {
    memory_.resize(std::min(at_, memory_.size()));
  }
}

Coro<> SpooledTemporaryFile::flush() {
  if (rolled_ && !closed_) co_await pass(file_.flush());
}

Coro<> SpooledTemporaryFile::rollover() {
  if (rolled_ || closed_) co_return;
  File file = co_await pass(TemporaryFile());
  Result<std::size_t> written = co_await try_(file.write(memory_));
  Result<std::int64_t> moved;
  if (written.ok()) moved = co_await try_(file.seek(static_cast<std::int64_t>(at_)));
  if (!written.ok() || !moved.ok()) {
    // What is in memory is still there.
    const Result<void> closed = co_await try_(file.close());
    (void)closed;
    co_await raise(written.ok() ? moved.exception() : written.exception());
  }
  file_ = std::move(file);
  rolled_ = true;
  memory_ = std::string();
}

Coro<> SpooledTemporaryFile::close() {
  closed_ = true;
  memory_ = std::string();
  if (rolled_) co_await pass(file_.close());
}

// --- folders ------------------------------------------------------------------------------------

namespace {

Coro<std::string> make_folder(std::string dir, std::string prefix, std::string suffix) {
  constexpr int kTries = 100;
  for (int i = 0;; ++i) {
    std::string path = new_path(dir, prefix, suffix);
    Result<void> made = co_await try_(os::mkdir(path, 0700));
    if (made.ok()) co_return path;
    const bool taken = base::exception_is<FileExistsError>(made.exception());
    if (!taken || i == kTries) co_await raise(made.exception());
  }
}

}  // namespace

Coro<std::string> mkdtemp(TemporaryOptions options) {
  return make_folder(folder_of(options.dir), std::string(options.prefix),
                     std::string(options.suffix));
}

TemporaryDirectory::TemporaryDirectory(TemporaryOptions options)
    : prefix_(options.prefix), suffix_(options.suffix), dir_(folder_of(options.dir)) {}

Coro<std::string> TemporaryDirectory::aenter() {
  name_ = co_await pass(make_folder(dir_, prefix_, suffix_));
  made_ = true;
  co_return name_;
}

Coro<> TemporaryDirectory::cleanup() {
  if (!std::exchange(made_, false)) co_return;
  co_await pass(os::rmtree(name_));
}

}  // namespace asyncio::files::tempfile
