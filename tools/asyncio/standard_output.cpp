#include "tools/asyncio/standard_output.hpp"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

constexpr std::size_t kMostPending = std::size_t{1} << 20;

using StopFlag = std::shared_ptr<std::atomic<bool>>;

// Writes all of it, unless `stop` is set while the reader does not read: then the rest is dropped.
void write_blocking(int fd, std::string text, StopFlag stop) {
  struct stat status{};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  std::string_view left = text;
  while (!left.empty()) {
    if (!regular) {
      pollfd ready{fd, POLLOUT, 0};
      const int events = ::poll(&ready, 1, 100);
      if (stop->load() && events <= 0) return;
      if (events <= 0) continue;
    }
    // A pipe that poll() found ready takes PIPE_BUF bytes without blocking.
    const std::size_t count = regular ? left.size() : std::min<std::size_t>(left.size(), PIPE_BUF);
    const ssize_t written = ::write(fd, left.data(), count);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) throw_os_error(errno, "write", "standard output");
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Line breaks and tabs stay.
std::string escape_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    out += escape_controls(text.substr(0, end));
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

StandardOutput::StandardOutput(int fd, Show show)
    : fd_(fd), show_(show), stop_(std::make_shared<std::atomic<bool>>(false)) {}

Coro<> StandardOutput::write(std::string text) {
  throw_failure();
  post(text);
  co_await wait_until_below(kMostPending);
}

void StandardOutput::post(const std::string& text) {
  pending_ += show_ == Show::escaped ? escape_text(text) : text;
  if (!writer_ && !pending_.empty()) writer_ = create_task(write_pending());
}

Coro<> StandardOutput::flush() { co_await wait_until_below(0); }

void StandardOutput::abandon() noexcept {
  *stop_ = true;
  pending_.clear();
}

void StandardOutput::throw_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

Coro<> StandardOutput::wait_until_below(std::size_t bytes) {
  while (!failure_ && pending_.size() + in_flight_ > bytes) {
    if (!progress_) progress_ = get_running_loop().create_future();
    // wait() leaves the future alone when one of those who wait is cancelled.
    std::vector<Future<>> one(1, *progress_);
    co_await wait(std::move(one));
  }
  throw_failure();
}

// The task that owns the descriptor while there is something to write.
Coro<> StandardOutput::write_pending() {
  while (!pending_.empty() && !failure_) {
    std::string block = std::exchange(pending_, {});
    in_flight_ = block.size();
    StopFlag stop = stop_;
    Result<void> result = co_await try_(to_thread(write_blocking, fd_, std::move(block), stop));
    in_flight_ = 0;
    if (!result.ok()) failure_ = result.exception();
    if (progress_) std::exchange(progress_, std::nullopt)->set_result();
  }
  writer_.reset();
}

Coro<> Turns::wait(std::size_t number) {
  while (!is_turn_of(number)) {
    Future<> mine = get_running_loop().create_future();
    waiting_.insert_or_assign(number, mine);
    co_await mine;
  }
}

void Turns::finish(std::size_t number) {
  finished_.emplace(number, true);
  while (!finished_.empty() && finished_.begin()->first == present_) {
    finished_.erase(finished_.begin());
    ++present_;
  }
  const auto next = waiting_.find(present_);
  if (next == waiting_.end()) return;
  if (!next->second.done()) next->second.set_result();
  waiting_.erase(next);
}

}  // namespace asyncio::tool
