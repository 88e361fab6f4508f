#include "conformance/common.hpp"

#include <algorithm>
#include <set>

namespace asyncio::conformance {

namespace fs = std::filesystem;

namespace {

const fs::path kTraces = fs::path(ASYNCIO_CONFORMANCE_FOLDER) / "traces";

std::string seconds(Nanoseconds time) {
  std::string text = std::to_string(std::chrono::duration<double>(time).count());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + "s";
}

Lines read_trace(const std::string& name) {
  std::ifstream file(kTraces / (name + ".txt"));
  EXPECT_TRUE(file) << "no trace of this name: tests/conformance/regenerate makes it";
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (!lines.empty()) lines.erase(lines.begin());  // the interpreter's name
  return lines;
}

// Both traces side by side, with the lines marked that differ.
std::string side_by_side(const Lines& expected, const Lines& actual) {
  std::string text = "  CPython                                            asyncio-cpp\n";
  for (std::size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
    std::string left = i < expected.size() ? expected[i] : "";
    const std::string right = i < actual.size() ? actual[i] : "";
    text += left == right ? "  " : "! ";
    left.resize(std::max<std::size_t>(left.size(), 50), ' ');
    text += left + " " + right + "\n";
  }
  return text;
}

void compare(const Lines& actual) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const Lines expected = read_trace(test->name());
  if (actual != expected) ADD_FAILURE() << side_by_side(expected, actual);
}

}  // namespace

void Log::operator()(const std::string& event) {
  lines_.push_back(event + " @" + std::to_string(turns() - first_turn_) + " " +
                   seconds(loop_->time() - start_));
}

void Log::timed(const std::string& event) {
  lines_.push_back(event + " " + seconds(loop_->time() - start_));
}

void Log::attach(EventLoop& loop) {
  loop_ = &loop;
  first_turn_ = turns();
  start_ = loop.time();
}

std::string describe(const std::exception_ptr& error) {
  if (base::exception_is<ExceptionGroup>(error)) {
    try {
      std::rethrow_exception(error);
    } catch (const ExceptionGroup& group) {
      return "ExceptionGroup" + show(group.exceptions());
    }
  }
  std::string text = base::describe(error);
  return text.starts_with("InvalidStateError") ? "InvalidStateError" : text;
}

std::unique_ptr<EventLoop> new_loop(Log& log) {
  auto loop = std::make_unique<EventLoop>(std::make_unique<test::VirtualBackend>());
  loop->set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  log.attach(*loop);
  return loop;
}

void conformance::follow(Coro<> (*scenario)(Log&)) {
  Log log;
  auto loop = new_loop(log);
  loop->run_until_complete([](Log& of, Coro<> (*body)(Log&)) -> Coro<> {
    of.attach(of.loop());
    co_await body(of);
  }(log, scenario));
  const Lines lines = log.take();
  detail::cancel_and_join_all(loop->scheduler());
  loop->close();
  compare(lines);
}

void conformance::follow(void (*scenario)(Log&)) {
  Log log;
  scenario(log);
  compare(log.take());
}

// --- coroutines to be used ----------------------------------------------------------------------

Coro<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await sleep(0s);
}

Coro<int> fails(std::string text) {
  co_await raise<ValueError>(text);
  co_return 0;
}

Coro<> for_ever() { co_await sleep(1024s); }

Coro<std::string> sleeper(Log& log, std::string name, Delay delay) {
  log(name + " in");
  try {
    co_await sleep(delay);
  } catch (const CancelledError&) {
    log(name + " " + describe(std::current_exception()));
    throw;
  }
  log(name + " out");
  co_return name;
}

Coro<std::string> fails_after(Log& log, std::string name, Delay delay) {
  co_await sleeper(log, name, delay);
  throw ValueError(name);
}

Coro<> cleans_up(Log& log, std::string name, Delay delay) {
  Result<void> waited = co_await try_(for_ever());
  log(name + " cleans up");
  co_await sleep(delay);
  log(name + " is clean");
  if (!waited.ok()) std::rethrow_exception(waited.exception());
}

Coro<std::string> stubborn(Log& log, std::string name, Delay delay) {
  Result<void> waited = co_await try_(for_ever());
  if (!waited.ok()) log(name + " refuses");
  co_await sleep(delay);
  co_return name;
}

Coro<std::string> fails_when_cancelled(Log& log, std::string name) {
  Result<void> waited = co_await try_(for_ever());
  if (!waited.ok()) {
    log(name + " fails");
    throw ValueError(name);
  }
  co_return name;
}

// --- the twins ----------------------------------------------------------------------------------

TEST(scenarios, each_trace_has_a_test_and_each_test_a_trace) {
  std::set<std::string> traces;
  for (const auto& entry : fs::directory_iterator(kTraces)) {
    traces.insert(entry.path().stem().string());
  }
  std::set<std::string> tests;
  const auto& unit = *::testing::UnitTest::GetInstance();
  for (int i = 0; i < unit.total_test_suite_count(); ++i) {
    const auto& suite = *unit.GetTestSuite(i);
    if (std::string_view(suite.name()) != "conformance") continue;
    for (int k = 0; k < suite.total_test_count(); ++k) tests.insert(suite.GetTestInfo(k)->name());
  }
  EXPECT_EQ(traces, tests);
  EXPECT_GE(traces.size(), 60U);
}

}  // namespace asyncio::conformance
