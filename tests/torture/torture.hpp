// How the tests here torture: a program, which notes what goes wrong in it, by one or all drivers.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/coro/pass.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "asyncio/testing/torture.hpp"

namespace asyncio::torture {

using namespace std::chrono_literals;
using testing::Scenario;
using testing::TortureOptions;
using testing::TortureReport;

/// A small program; it writes what is wrong to its argument, which outlives all its tasks.
using Program = Coro<> (*)(std::string& wrong);
/// The same, with a loop of its own in this world.
using WholeProgram = void (*)(std::string& wrong, std::unique_ptr<Backend> world);

/// How many runs were made in this process.
inline std::uint64_t total_runs = 0;

/// ./dev test --torture says how many random runs each scenario gets; a plain run takes a sample.
inline std::uint64_t random_runs() {
  const char* text = std::getenv("ASYNCIO_TORTURE_RUNS");
  return text == nullptr ? 200 : std::strtoull(text, nullptr, 10);
}

class Survives {
 public:
  Survives(std::string name, Program program)
      : Survives(Scenario(std::move(name), [this, program] {
          wrong_.clear();
          return program(wrong_);
        })) {}
  Survives(std::string name, WholeProgram program)
      : Survives(Scenario(std::move(name), [this, program](std::unique_ptr<Backend> world) {
          wrong_.clear();
          program(wrong_, std::move(world));
        })) {}
  Survives(const Survives&) = delete;

  Scenario& scenario() { return scenario_; }
  /// Also when something else than the network goes wrong, a peer may break a connection off.
  Survives& with_a_network() {
    for (const char* kind : {"ConnectionResetError", "BrokenPipeError", "TimeoutError",
                             "ConnectionAbortedError", "ConnectionRefusedError"}) {
      scenario_.tolerate(std::string("main failed: ") + kind);
    }
    scenario_.tolerate("accepting goes on in 1 s").tolerate("exception was never retrieved");
    return *this;
  }
  Survives& cancels() { return judge(cancel_torture(scenario_, options_)); }
  Survives& cuts() { return judge(cut_torture(scenario_, options_)); }
  Survives& splits() { return judge(split_torture(scenario_, options_)); }
  Survives& failing_calls() { return judge(op_torture(scenario_, options_)); }
  Survives& failing_allocations() { return judge(alloc_torture(scenario_, options_)); }

 private:
  explicit Survives(Scenario scenario) : scenario_(std::move(scenario)) {
    scenario_.check([this] { return wrong_; });
    options_.random_runs = random_runs();
    options_.replay = testing::replay_from_environment();
  }
  Survives& judge(const TortureReport& report) {
    total_runs += report.runs;
    EXPECT_TRUE(report.ok()) << report.text();
    return *this;
  }

  std::string wrong_;
  Scenario scenario_;
  TortureOptions options_;
};

inline bool is_cancelled(const std::exception_ptr& error) {
  return base::exception_is<CancelledError>(error);
}

/// Runs them as tasks and waits until all have ended, however.
inline Coro<> all_of(std::vector<Coro<>> bodies) {
  std::vector<Task<>> tasks;
  for (Coro<>& body : bodies) tasks.push_back(create_task(std::move(body)));
  co_await wait(tasks);
}

template <class... Bodies>
Coro<> all_of(Bodies... bodies) {
  std::vector<Coro<>> list;
  (list.push_back(std::move(bodies)), ...);
  return all_of(std::move(list));
}

}  // namespace asyncio::torture
