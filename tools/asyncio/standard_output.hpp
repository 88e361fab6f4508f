// Standard output for many tasks: nothing interleaves, the loop never blocks on it, and a reader
// that is slow holds the writers back.
#pragma once

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "asyncio/asyncio.hpp"

namespace asyncio::tool {

/// Texts in the order of the calls of write(). They are written by a thread; the loop's thread
/// alone calls these methods.
class StandardOutput {
 public:
  enum class Show { as_it_is, escaped };

  /// `escaped`: for a terminal, where a body from the network must not give orders.
  explicit StandardOutput(int fd, Show show = Show::as_it_is);

  /// Returns when few bytes are left to be written. Errors: OSError, "write standard output: broken
  /// pipe", from then on in every call. Cancelling loses nothing of `text`.
  Coro<> write(std::string text);
  /// The same without waiting, for the last words of a task that is being cancelled.
  void post(const std::string& text);
  /// Waits until all is written. Errors: as write().
  Coro<> flush();
  /// Gives up what has not been written, also when the reader does not read any more.
  void abandon() noexcept;

  [[nodiscard]] const std::exception_ptr& failure() const { return failure_; }

 private:
  Coro<> write_pending();
  Coro<> wait_until_below(std::size_t bytes);
  void throw_failure() const;

  int fd_;
  Show show_;
  std::string pending_;
  std::size_t in_flight_ = 0;
  std::optional<Task<>> writer_;
  std::optional<Future<>> progress_;         // done when pending_ has shrunk; one for all who wait
  std::shared_ptr<std::atomic<bool>> stop_;  // shared with a thread that may outlive us
  std::exception_ptr failure_;
};

/// Whose turn it is among numbered writers: 0, 1, 2 ... each exactly once.
class Turns {
 public:
  [[nodiscard]] bool is_turn_of(std::size_t number) const { return number == present_; }
  /// Returns when it is the turn of `number`.
  Coro<> wait(std::size_t number);
  /// `number` is done with its turn, or will not take it.
  void finish(std::size_t number);

 private:
  std::size_t present_ = 0;
  std::map<std::size_t, Future<>> waiting_;
  std::map<std::size_t, bool> finished_;  // before their turn
};

}  // namespace asyncio::tool
