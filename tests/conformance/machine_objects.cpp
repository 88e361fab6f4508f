// The half of the interpreter that deals with locks, queues, task groups and context variables.
#include "conformance/machine.hpp"

#include <algorithm>

namespace asyncio::conformance {

namespace {

const char* nothing() { return ""; }

// What an operation gives, as Python would print it.
template <class A>
Coro<Text> text_of(A awaitable) {
  using T = await_result_t<A>;
  if constexpr (std::is_void_v<T>) {
    co_await pass(std::move(awaitable));
    co_return "None";
  } else {
    const T result = co_await pass(std::move(awaitable));
    if constexpr (std::is_same_v<T, bool>) {
      co_return result ? "True" : "False";
    } else {
      co_return std::to_string(result);
    }
  }
}

}  // namespace

const std::map<std::string, Machine::Operation>& Machine::object_operations() {
  static const std::map<std::string, Operation> all = {
      {"ascomp", &Machine::do_as_completed},
      {"group", &Machine::do_group},
      {"with", &Machine::do_with},
      {"acquire", &Machine::do_acquire},
      {"evwait", &Machine::do_event_wait},
      {"get", &Machine::do_get},
      {"put", &Machine::do_put},
      {"join", &Machine::do_join},
      {"barwait", &Machine::do_barrier},
      {"barreset", &Machine::do_barrier},
      {"barabort", &Machine::do_barrier},
      {"cwait", &Machine::do_condition_wait},
      {"cwaitfor", &Machine::do_condition_wait},
  };
  return all;
}

const std::map<std::string, Machine::Call>& Machine::object_calls() {
  static const std::map<std::string, Call> all = {
      {"gspawn", &Machine::call_gspawn},     {"release", &Machine::call_release},
      {"set", &Machine::call_set},           {"clear", &Machine::call_clear},
      {"notify", &Machine::call_notify},     {"bump", &Machine::call_bump},
      {"putnow", &Machine::call_putnow},     {"getnow", &Machine::call_getnow},
      {"taskdone", &Machine::call_taskdone}, {"shutdown", &Machine::call_shutdown},
      {"cvset", &Machine::call_cvset},       {"cvget", &Machine::call_cvget},
  };
  return all;
}

void Machine::make_object(const Node& node) {
  const Text& kind = node.word(0);
  const int number = node.number(1);
  counters_[number] = 0;
  if (kind == "lock") locks_[number];
  if (kind == "event") events_[number];
  if (kind == "cond") conditions_[number];
  if (kind == "sem") semaphores_.try_emplace(number, node.number(2));
  if (kind == "bsem") bounded_.try_emplace(number, node.number(2));
  if (kind == "barrier") barriers_.try_emplace(number, node.number(2));
  if (kind == "queue") {
    const int size = node.number(3);
    if (node.word(2) == "fifo") queues_[number] = std::make_unique<Queue<int>>(size);
    if (node.word(2) == "lifo") queues_[number] = std::make_unique<LifoQueue<int>>(size);
    if (node.word(2) == "prio") queues_[number] = std::make_unique<PriorityQueue<int>>(size);
  }
}

// --- task groups --------------------------------------------------------------------------------

Coro<Flow> Machine::do_group(const Node& node) {
  auto& group = groups_[node.number(0)];
  group = std::make_unique<TaskGroup>();
  return scope(node, *group, nothing);
}

Text Machine::call_gspawn(const Node& node) {
  const auto found = groups_.find(node.number(0));
  if (found == groups_.end()) return "none";
  auto task = found->second->create_task(body(node));
  tasks_.insert_or_assign(node.number(1), task);
  made_.push_back(task);
  return {};
}

Coro<Flow> Machine::do_as_completed(const Node& node) {
  const int delay = node.number(0);
  auto watched = futures(node.children);
  AsCompletedOptions options;
  if (delay >= 0) options.timeout = Delay(kTick * delay);
  auto finished = as_completed(watched, options);
  for (;;) {
    auto next = co_await try_(finished.next());
    if (!next.ok()) {
      log(node.id, "! " + brief(next.exception()));
      co_await raise(next.exception());
    }
    if (!next.value()) break;
    const auto index = std::ranges::find(watched, *next.value()) - watched.begin();
    log(node.id, std::to_string(index) + " " + state_of(*next.value()));
  }
  log(node.id, "out");
  co_return Flow();
}

// --- locks --------------------------------------------------------------------------------------

Coro<Text> Machine::acquire_object(const Text& kind, int number) {
  if (kind == "lock") return text_of(locks_.at(number).acquire());
  if (kind == "sem") return text_of(semaphores_.at(number).acquire());
  if (kind == "bsem") return text_of(bounded_.at(number).acquire());
  return text_of(conditions_.at(number).acquire());
}

Coro<Flow> Machine::do_with(const Node& node) {
  const Text& kind = node.word(0);
  const int number = node.number(1);
  if (kind == "lock") return scope(node, locks_.at(number), nothing);
  if (kind == "sem") return scope(node, semaphores_.at(number), nothing);
  if (kind == "bsem") return scope(node, bounded_.at(number), nothing);
  return scope(node, conditions_.at(number), nothing);
}

Coro<Flow> Machine::do_acquire(const Node& node) {
  co_await pass(noted(node.id, acquire_object(node.word(0), node.number(1))));
  co_return Flow();
}

Coro<Flow> Machine::do_event_wait(const Node& node) {
  co_await pass(noted(node.id, text_of(events_.at(node.number(0)).wait())));
  co_return Flow();
}

Coro<Flow> Machine::do_barrier(const Node& node) {
  Barrier& barrier = barriers_.at(node.number(0));
  if (node.operation == "barwait") {
    co_await pass(noted(node.id, text_of(barrier.wait())));
  } else if (node.operation == "barreset") {
    co_await pass(noted(node.id, text_of(barrier.reset())));
  } else {
    co_await pass(noted(node.id, text_of(barrier.abort())));
  }
  co_return Flow();
}

Coro<Flow> Machine::do_condition_wait(const Node& node) {
  const int number = node.number(0);
  Condition& condition = conditions_.at(number);
  if (node.operation == "cwait") {
    co_await pass(noted(node.id, text_of(condition.wait())));
  } else {
    auto reached = [this, number, least = node.number(1)] { return counters_[number] >= least; };
    co_await pass(noted(node.id, text_of(condition.wait_for(reached))));
  }
  co_return Flow();
}

Text Machine::call_release(const Node& node) {
  const Text& kind = node.word(0);
  if (kind == "lock") locks_.at(node.number(1)).release();
  if (kind == "sem") semaphores_.at(node.number(1)).release();
  if (kind == "bsem") bounded_.at(node.number(1)).release();
  return {};
}

Text Machine::call_set(const Node& node) {
  events_.at(node.number(0)).set();
  return {};
}

Text Machine::call_clear(const Node& node) {
  events_.at(node.number(0)).clear();
  return {};
}

Text Machine::call_notify(const Node& node) {
  conditions_.at(node.number(0)).notify(static_cast<std::size_t>(node.number(1)));
  return {};
}

Text Machine::call_bump(const Node& node) {
  ++counters_[node.number(0)];
  return {};
}

// --- queues -------------------------------------------------------------------------------------

template <class F>
auto Machine::on_queue(int number, F use) {
  return std::visit([&](auto& queue) { return use(*queue); }, queues_.at(number));
}

Coro<Flow> Machine::do_get(const Node& node) {
  co_await pass(
      noted(node.id, on_queue(node.number(0), [](auto& queue) { return text_of(queue.get()); })));
  co_return Flow();
}

Coro<Flow> Machine::do_put(const Node& node) {
  const int item = node.number(1);
  co_await pass(noted(
      node.id, on_queue(node.number(0), [item](auto& queue) { return text_of(queue.put(item)); })));
  co_return Flow();
}

Coro<Flow> Machine::do_join(const Node& node) {
  co_await pass(
      noted(node.id, on_queue(node.number(0), [](auto& queue) { return text_of(queue.join()); })));
  co_return Flow();
}

Text Machine::call_putnow(const Node& node) {
  on_queue(node.number(0), [&](auto& queue) { queue.put_nowait(node.number(1)); });
  return {};
}

Text Machine::call_getnow(const Node& node) {
  return on_queue(node.number(0), [](auto& queue) { return std::to_string(queue.get_nowait()); });
}

Text Machine::call_taskdone(const Node& node) {
  on_queue(node.number(0), [](auto& queue) { queue.task_done(); });
  return {};
}

Text Machine::call_shutdown(const Node& node) {
  on_queue(node.number(0), [&](auto& queue) { queue.shutdown(node.number(1) != 0); });
  return {};
}

// --- contexts, awaitables -----------------------------------------------------------------------

Text Machine::call_cvset(const Node& node) {
  variable_.set(node.number(0));
  return {};
}

Text Machine::call_cvget(const Node&) { return std::to_string(variable_.get()); }

Operand Machine::shield_operand(const Node& node) {
  return std::visit(
      [](auto&& held) -> Operand {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return {};
        } else {
          return shield(std::move(held));
        }
      },
      operand(node.children.at(0)));
}

Operand Machine::object_operand(const Node& node) {
  const Text& kind = node.operation;
  if (kind == "acq") return acquire_object(node.word(0), node.number(1));
  if (kind == "evwait") return text_of(events_.at(node.number(0)).wait());
  if (kind == "get") {
    return on_queue(node.number(0), [](auto& queue) { return text_of(queue.get()); });
  }
  throw RuntimeError("no such awaitable: " + kind);
}

}  // namespace asyncio::conformance
