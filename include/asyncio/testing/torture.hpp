// Torture: a scenario is run again and again, and each time something goes wrong at another place.
//
//   Scenario scenario("checkout", [&] { return checkout(shop); });
//   scenario.check([&] { return shop.items == shop.sold + shop.left ? "" : "an item was lost"; });
//   TortureReport report = cancel_torture(scenario);
//   EXPECT_TRUE(report.ok()) << report.text();
//
// After every run, without the author's help: main has ended, no pooled block (frame, task, handle,
// future) is alive, no timer armed, no descriptor open, no job under way, and nothing was logged or
// given to the exception handler that the scenario does not tolerate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/coro/coro.hpp"
#include "asyncio/testing/network.hpp"
#include "asyncio/testing/simulated_backend.hpp"

namespace asyncio::testing {

/// A small program to torture. It is started afresh for every run, in a simulated world of its own;
/// it has to come to its end whatever happens to one of its tasks, or that is reported as a
/// deadlock.
class Scenario {
 public:
  /// `main` makes the main coroutine; what it shares with check() it resets first.
  Scenario(std::string name, std::function<Coro<>()> main)
      : name_(std::move(name)), main_(std::move(main)) {}
  /// A program that makes its loop itself, on the backend that it is given, and closes it: what
  /// Runner and run() do as a whole.
  Scenario(std::string name, std::function<void(std::unique_ptr<Backend>)> program)
      : name_(std::move(name)), program_(std::move(program)) {}

  /// Called after every run; returns what is wrong, or nothing.
  Scenario& check(std::function<std::string()> check) {
    check_ = std::move(check);
    return *this;
  }
  /// Prepares the network of each run.
  Scenario& network(std::function<void(Network&)> prepare) {
    network_ = std::move(prepare);
    return *this;
  }
  /// Messages, and errors of main, that contain this text are no failures.
  Scenario& tolerate(std::string text) {
    tolerated_.push_back(std::move(text));
    return *this;
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  friend class TortureRun;
  std::string name_;
  std::function<Coro<>()> main_;
  std::function<void(std::unique_ptr<Backend>)> program_;
  std::function<std::string()> check_;
  std::function<void(Network&)> network_;
  std::vector<std::string> tolerated_;
};

struct TortureOptions {
  std::uint64_t seed = 1;
  /// Beside the systematic runs, so many in which the seed chooses several places at once.
  std::uint64_t random_runs = 0;
  std::size_t most_failures = 5;  ///< then it stops
  /// A line as a report gives it: only this run is made, if it is one of this scenario and driver.
  /// Whoever wants it from the environment says so: replay_from_environment().
  std::string_view replay = {};
};

/// The value of ASYNCIO_TORTURE, or nothing.
[[nodiscard]] std::string_view replay_from_environment();

/// What a driver has found.
struct TortureReport {
  std::uint64_t runs = 0;
  /// One for each failure: what, and "replay with ASYNCIO_TORTURE='...'".
  std::vector<std::string> failures;

  [[nodiscard]] bool ok() const noexcept { return failures.empty(); }
  [[nodiscard]] std::string text() const;
};

/// Cancels each task at each of its suspensions, in four ways: before its first step; while it is
/// parked; when it was woken and has not run yet; while it is parked, and again at the next place
/// where it parks, which is in its cleanup. Main may end with CancelledError.
///
/// The second way alone misses the bugs that matter: a permit that was handed to a task which is
/// cancelled before it can take it.
TortureReport cancel_torture(const Scenario& scenario, const TortureOptions& options = {});

/// Cuts each connection behind each byte, in each direction, by FIN, reset and silence. Main may
/// end with OSError and its kin (so also TimeoutError); against silence it needs a timeout.
TortureReport cut_torture(const Scenario& scenario, const TortureOptions& options = {});

/// Delivers what is sent whole, byte by byte, and at every two-way split: the outcome that check()
/// sees must be the same, and main must not fail.
TortureReport split_torture(const Scenario& scenario, const TortureOptions& options = {});

/// Makes each call of each kind fail with each error that Linux has for it. Main may end with
/// OSError and its kin, and RuntimeError where no thread can be had.
TortureReport op_torture(const Scenario& scenario, const TortureOptions& options = {});

/// Makes the k-th allocation fail, for every k, and then all from the k-th on. Counts what the
/// library pools (coroutine frames, tasks, futures, handles) in builds with ASYNCIO_DCHECK, and the
/// heap where before_heap_allocation() is called. Main may end with std::bad_alloc. What the
/// simulated world allocates is spared.
TortureReport alloc_torture(const Scenario& scenario, const TortureOptions& options = {});

/// For a test program that replaces the global operator new: called there before anything else, so
/// that alloc_torture fails these allocations too. Throws std::bad_alloc when it is their turn.
void before_heap_allocation();

}  // namespace asyncio::testing
