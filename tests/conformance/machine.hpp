// Runs a random program and logs what happens: interpreter.py is its twin and the one to read
// first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "asyncio/asyncio.hpp"
#include "conformance/program.hpp"

namespace asyncio::conformance {

using Text = std::string;
/// What a block gives: the value of a `return` that it has come to.
using Flow = std::optional<Text>;
using Nodes = std::vector<Node>;

/// What an awaitable of a program may be. Nothing: what it refers to has not been made.
using Operand = std::variant<std::monostate, Coro<Text>, Future<Text>, Future<std::vector<Text>>,
                             Future<std::vector<Result<Text>>>>;
using Gathered = std::variant<Future<std::vector<Text>>, Future<std::vector<Result<Text>>>>;

inline constexpr std::chrono::milliseconds kTick(1);

Text brief(const std::exception_ptr& error);
/// p(ending), c(ancelled), e(xception) or r(esult).
char state_of(const AnyFuture& future);

class Machine {
 public:
  explicit Machine(EventLoop& loop) : loop_(loop) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Coro<> main(const Node& program);
  std::vector<std::string> take_log() { return std::move(log_); }
  /// At the end: the futures that are still pending are cancelled.
  void settle_futures() const;

 private:
  using Operation = Coro<Flow> (Machine::*)(const Node&);
  using Call = Text (Machine::*)(const Node&);
  static const std::map<std::string, Operation>& operations();
  static const std::map<std::string, Call>& calls();
  static const std::map<std::string, Operation>& object_operations();
  static const std::map<std::string, Call>& object_calls();

  void log(int id, const Text& text);
  void make(const Node& node);
  [[nodiscard]] Text states() const;

  // Bodies: what a task runs, a block of statements, one statement.
  Coro<Text> body(const Node& node);
  Coro<Flow> block(const Nodes& nodes);
  Coro<Flow> statement(const Node& node);

  // Statements that await.
  Coro<> noted(int id, Coro<Text> awaitable);
  Coro<Flow> do_sleep(const Node& node);
  Coro<Flow> do_await(const Node& node);
  Coro<Flow> do_return(const Node& node);
  Coro<Flow> do_raise(const Node& node);
  Coro<Flow> do_try(const Node& node);
  Coro<Flow> do_ok(const Node& node);
  Coro<Flow> do_timeout(const Node& node);
  Coro<Flow> do_wait(const Node& node);
  template <class Resource, class End>
  Coro<Flow> scope(const Node& node, Resource& resource, End end);
  Coro<Flow> limit(const Node& node, Timeout& timeout);

  // Awaitables.
  Operand operand(const Node& node);
  Operand shield_operand(const Node& node);
  Operand wait_for_operand(const Node& node);
  Operand object_operand(const Node& node);
  Gathered gather_children(bool collect, const Nodes& nodes);
  std::vector<Future<Text>> futures(const Nodes& nodes);

  // Statements that do not await. They give what is to be logged, or nothing.
  void plain(const Node& node);
  std::function<void()> callback(const Node& node);
  Text cancel(const AnyFuture& future, const Text& message);
  Text call_spawn(const Node& node);
  Text call_mkgather(const Node& node);
  Text call_cancel(const Node& node);
  Text call_gcancel(const Node& node);
  Text call_fcancel(const Node& node);
  Text call_self(const Node& node);
  Text call_uncancelself(const Node& node);
  Text call_cancelling(const Node& node);
  Text call_uncancel(const Node& node);
  Text call_resched(const Node& node);
  Text call_fset(const Node& node);
  Text call_fexc(const Node& node);
  Text call_fdone(const Node& node);
  Text call_state(const Node& node);
  Text call_soon(const Node& node);
  Text call_later(const Node& node);
  Text call_hcancel(const Node& node);
  Text call_callback(const Node& node);

  // What has to do with objects: locks, queues, task groups, context variables.
  void make_object(const Node& node);
  Coro<Text> acquire_object(const Text& kind, int number);
  Coro<Flow> do_group(const Node& node);
  Coro<Flow> do_as_completed(const Node& node);
  Coro<Flow> do_with(const Node& node);
  Coro<Flow> do_acquire(const Node& node);
  Coro<Flow> do_event_wait(const Node& node);
  Coro<Flow> do_get(const Node& node);
  Coro<Flow> do_put(const Node& node);
  Coro<Flow> do_join(const Node& node);
  Coro<Flow> do_barrier(const Node& node);
  Coro<Flow> do_condition_wait(const Node& node);
  template <class F>
  auto on_queue(int number, F use);
  Text call_gspawn(const Node& node);
  Text call_release(const Node& node);
  Text call_set(const Node& node);
  Text call_clear(const Node& node);
  Text call_notify(const Node& node);
  Text call_bump(const Node& node);
  Text call_putnow(const Node& node);
  Text call_getnow(const Node& node);
  Text call_taskdone(const Node& node);
  Text call_shutdown(const Node& node);
  Text call_cvset(const Node& node);
  Text call_cvget(const Node& node);

  using AnyQueue = std::variant<std::unique_ptr<Queue<int>>, std::unique_ptr<LifoQueue<int>>,
                                std::unique_ptr<PriorityQueue<int>>>;

  EventLoop& loop_;
  std::map<int, Lock> locks_;
  std::map<int, Event> events_;
  std::map<int, Semaphore> semaphores_;
  std::map<int, BoundedSemaphore> bounded_;
  std::map<int, Condition> conditions_;
  std::map<int, Barrier> barriers_;
  std::map<int, AnyQueue> queues_;
  std::map<int, int> counters_;
  std::map<int, std::unique_ptr<TaskGroup>> groups_;
  ContextVar<int> variable_{"variable", 0};
  std::vector<std::string> log_;
  std::uint64_t first_turn_ = 0;
  Nanoseconds start_{0};
  std::vector<Task<Text>> made_;
  std::map<int, Task<Text>> tasks_;
  std::map<int, Gathered> gathers_;
  std::map<int, std::unique_ptr<Timeout>> timeouts_;
  std::map<int, Handle> soon_;
  std::map<int, TimerHandle> timers_;
  std::map<int, Future<Text>> futures_;
};

/// `async with resource:` and the statements of `node`; `end()` is logged with how it went.
template <class Resource, class End>
Coro<Flow> Machine::scope(const Node& node, Resource& resource, End end) {
  Flow flow;
  auto inside = [this, &node, &flow]() -> Coro<> {
    log(node.id, "in");
    flow = co_await pass(block(node.children));
  };
  Result<void> outcome = co_await try_(with(resource, inside));
  if (!outcome.ok()) {
    log(node.id, "! " + brief(outcome.exception()) + end());
    co_await raise(outcome.exception());
  }
  log(node.id, Text("out") + end());
  co_return flow;
}

}  // namespace asyncio::conformance
