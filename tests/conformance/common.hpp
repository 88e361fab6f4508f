// What the scenarios share: scenarios/common.py is the twin, name for name.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "asyncio/asyncio.hpp"
#include "support/loop_test.hpp"

namespace asyncio::conformance {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

/// `log("event")` notes the event, the turn since the start, and the virtual time.
class Log {
 public:
  void operator()(const std::string& event);
  /// Without the turn: how many a shutdown takes is nobody's contract.
  void timed(const std::string& event);
  /// Where threads decide how many turns it takes.
  void plain(const std::string& event) { lines_.push_back(event); }
  void attach(EventLoop& loop);
  [[nodiscard]] EventLoop& loop() const { return *loop_; }
  [[nodiscard]] std::uint64_t turns() const { return loop_->scheduler().turns(); }
  Lines take() { return std::exchange(lines_, {}); }

 private:
  Lines lines_;
  EventLoop* loop_ = nullptr;
  std::uint64_t first_turn_ = 0;
  Nanoseconds start_{0};
};

std::string describe(const std::exception_ptr& error);

inline std::string show(std::monostate) { return "None"; }
inline std::string show(bool value) { return value ? "True" : "False"; }
inline std::string show(std::string text) { return text; }
inline std::string show(int value) { return std::to_string(value); }
inline std::string show(unsigned value) { return std::to_string(value); }
inline std::string show(std::size_t value) { return std::to_string(value); }
inline std::string show(const std::exception_ptr& error) {
  return error ? describe(error) : "None";
}
template <class... Ts>
std::string show(const std::tuple<Ts...>& items);
template <class T>
std::string show(const std::vector<T>& items);

template <class T>
std::string show(const Result<T>& result) {
  return result.ok() ? show(result.value()) : describe(result.exception());
}
template <class... Ts>
std::string show_list(const Ts&... items) {
  std::string text = "[";
  ((text += (text.size() > 1 ? ", " : "") + show(items)), ...);
  return text + "]";
}
template <class... Ts>
std::string show(const std::tuple<Ts...>& items) {
  return std::apply([](const auto&... each) { return show_list(each...); }, items);
}
template <class T>
std::string show(const std::vector<T>& items) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() > 1 ? ", " : "") + show(item);
  return text + "]";
}

/// The result or the exception, as text.
template <class A>
Coro<std::string> outcome(A awaitable) {
  if constexpr (isfuture_v<A>) {
    auto result = co_await try_(awaitable);
    co_return show(result);
  } else {
    auto result = co_await try_(std::move(awaitable));
    co_return show(result);
  }
}

/// The same for a plain call.
template <class F>
std::string attempt(F&& call) {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return "None";
    } else {
      return show(call());
    }
  } catch (...) {
    return describe(std::current_exception());
  }
}

Coro<> turns(int count);

template <class A>
Coro<> passes(Log& log, std::string name, A awaitable) {
  const auto before = log.turns();
  const std::string text = co_await outcome(std::move(awaitable));
  log(name + ": " + std::to_string(log.turns() - before) + " passes, " + text);
}

// --- coroutines to be used ----------------------------------------------------------------------

template <class T>
Coro<T> value(T result) {
  co_return result;
}
Coro<int> fails(std::string text);
Coro<> for_ever();
Coro<std::string> sleeper(Log& log, std::string name, Delay delay);
Coro<std::string> fails_after(Log& log, std::string name, Delay delay);
/// Waits for ever; when cancelled it takes `delay` to clean up.
Coro<> cleans_up(Log& log, std::string name, Delay delay);
/// Waits for ever; when cancelled it goes on for `delay` and returns.
Coro<std::string> stubborn(Log& log, std::string name, Delay delay);
Coro<std::string> fails_when_cancelled(Log& log, std::string name);

template <class A>
Coro<> logs_outcome(Log& log, std::string name, A awaitable) {
  const std::string text = co_await outcome(std::move(awaitable));
  log(name + ": " + text);
}

/// A scenario: its name is the test's, and its trace is traces/NAME.txt, as CPython made it.
class conformance : public test::QuietTest {  // NOLINT(readability-identifier-naming)
 protected:
  /// A coroutine function as the main task of a loop of its own.
  void follow(Coro<> (*scenario)(Log&));
  /// A plain function that makes its own loops with new_loop().
  void follow(void (*scenario)(Log&));
};

std::unique_ptr<EventLoop> new_loop(Log& log);

}  // namespace asyncio::conformance

/// `SCENARIO(name) { ... co_await ...; }` with `log` at hand.
#define SCENARIO(name)                                    \
  static ::asyncio::Coro<> scenario_##name(Log& log);     \
  TEST_F(conformance, name) { follow(&scenario_##name); } \
  static ::asyncio::Coro<> scenario_##name([[maybe_unused]] Log& log)
/// The same for a plain function.
#define PLAIN_SCENARIO(name)                              \
  static void scenario_##name(Log& log);                  \
  TEST_F(conformance, name) { follow(&scenario_##name); } \
  static void scenario_##name(Log& log)
