#include "conformance/machine.hpp"

#include <algorithm>

#include "asyncio/base/log.hpp"
#include "support/virtual_backend.hpp"

namespace asyncio::conformance {

using namespace std::chrono_literals;

namespace {

constexpr int kKillAfter = 1000;  // ticks without an end until all tasks are cancelled
constexpr int kKillRounds = 12;

Delay ticks(int count) { return Delay(kTick * count); }
std::optional<Delay> ticks_or_none(int count) {
  return count < 0 ? std::nullopt : std::optional(ticks(count));
}

// "ValueError: e1" as "ValueError(e1)"; what follows a "<" is a repr.
Text reformat(const Text& line) {
  const auto colon = line.find(": ");
  const Text name = line.substr(0, colon);
  if (name == "InvalidStateError") return name;
  Text text = colon == Text::npos ? Text() : line.substr(colon + 2);
  text = text.substr(0, text.find('<'));
  while (text.ends_with(' ')) text.pop_back();
  return name + "(" + text + ")";
}

Text show(const Text& text) { return text; }
Text show(const Result<Text>& result) {
  return result.ok() ? result.value() : brief(result.exception());
}
template <class T>
Text show(const std::vector<T>& items) {
  Text text = "[";
  for (const T& item : items) text += (text.size() > 1 ? " " : "") + show(item);
  return text + "]";
}
Text show(bool value) { return value ? "True" : "False"; }

// Of a future by name: others may want its result too.
template <class A>
Coro<Text> shown(A awaitable) {
  if constexpr (isfuture_v<A>) {
    auto result = co_await pass(awaitable);
    co_return show(result);
  } else {
    auto result = co_await pass(std::move(awaitable));
    co_return show(result);
  }
}
Coro<Text> shown(Coro<Text> coroutine) { return coroutine; }

template <class A>
Coro<Text> limited(A awaitable, std::optional<Delay> delay) {
  if constexpr (isfuture_v<A>) {
    auto result = co_await pass(wait_for(awaitable, delay));
    co_return show(result);
  } else {
    auto result = co_await pass(wait_for(std::move(awaitable), delay));
    co_return show(result);
  }
}

Coro<Text> none_after(Coro<> coroutine) {
  co_await pass(std::move(coroutine));
  co_return "None";
}

Coro<Text> to_coro(Operand operand) {
  return std::visit(
      [](auto&& held) -> Coro<Text> {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return Coro<Text>();
        } else {
          return shown(std::move(held));
        }
      },
      std::move(operand));
}

bool catches(const Text& kind, const std::exception_ptr& error) {
  if (kind == "any") return true;
  const bool cancelled = base::exception_is<CancelledError>(error);
  return kind == "cancelled" ? cancelled : !cancelled;
}

}  // namespace

char state_of(const AnyFuture& future) {
  if (!future.done()) return 'p';
  if (future.cancelled()) return 'c';
  return future.exception() ? 'e' : 'r';
}

Text brief(const std::exception_ptr& error) {
  if (!base::exception_is<ExceptionGroup>(error)) return reformat(base::describe(error));
  try {
    std::rethrow_exception(error);
  } catch (const ExceptionGroup& group) {
    Text text;
    for (const auto& member : group.exceptions()) {
      text += (text.empty() ? "" : " ") + brief(member);
    }
    return "ExceptionGroup[" + text + "]";
  }
}

// --- the whole ----------------------------------------------------------------------------------

void Machine::log(int id, const Text& text) {
  const auto turn = loop_.scheduler().turns() - first_turn_;
  const auto tick = (loop_.time() - start_) / kTick;
  log_.push_back(std::to_string(id) + " " + text + " @" + std::to_string(turn) + " " +
                 std::to_string(tick));
}

Text Machine::states() const {
  Text text;
  for (const auto& task : made_) text += state_of(task);
  return text;
}

Coro<> Machine::main(const Node& program) {
  first_turn_ = loop_.scheduler().turns();
  start_ = loop_.time();
  for (const Node& node : program.children) {
    if (node.operation == "new") make(node);
  }
  made_.push_back(create_task(body(program.children.back())));
  for (int round = 0; round < kKillRounds; ++round) {
    co_await sleep(ticks(kKillAfter));
    std::vector<Task<Text>> pending;
    std::ranges::copy_if(made_, std::back_inserter(pending),
                         [](const Task<Text>& task) { return !task.done(); });
    if (pending.empty()) break;
    log(0, "kill " + std::to_string(pending.size()));
    for (const auto& task : pending) task.cancel();
  }
  log(0, "end " + states());
}

Coro<Text> Machine::body(const Node& node) {
  Flow flow = co_await pass(block(node.children));
  co_return flow ? *flow : "None";
}

Coro<Flow> Machine::block(const Nodes& nodes) {
  for (const Node& node : nodes) {
    Flow flow = co_await pass(statement(node));
    if (flow) co_return flow;
  }
  co_return Flow();
}

Coro<Flow> Machine::statement(const Node& node) {
  const auto found = operations().find(node.operation);
  if (found != operations().end()) co_return co_await pass((this->*found->second)(node));
  const auto with_object = object_operations().find(node.operation);
  if (with_object != object_operations().end()) {
    co_return co_await pass((this->*with_object->second)(node));
  }
  plain(node);
  co_return Flow();
}

const std::map<std::string, Machine::Operation>& Machine::operations() {
  static const std::map<std::string, Operation> all = {
      {"sleep", &Machine::do_sleep},     {"await", &Machine::do_await},
      {"return", &Machine::do_return},   {"raise", &Machine::do_raise},
      {"try", &Machine::do_try},         {"ok", &Machine::do_ok},
      {"timeout", &Machine::do_timeout}, {"timeoutat", &Machine::do_timeout},
      {"wait", &Machine::do_wait},
  };
  return all;
}

// --- what awaits --------------------------------------------------------------------------------

Coro<> Machine::noted(int id, Coro<Text> awaitable) {
  Result<Text> result = co_await try_(std::move(awaitable));
  if (!result.ok()) {
    log(id, "! " + brief(result.exception()));
    co_await raise(result.exception());
  }
  log(id, "= " + result.value());
}

Coro<Flow> Machine::do_sleep(const Node& node) {
  Coro<> sleeping = sleep(ticks(node.number(0)));
  co_await pass(noted(node.id, none_after(std::move(sleeping))));
  co_return Flow();
}

Coro<Flow> Machine::do_await(const Node& node) {
  Operand awaitable = operand(node.children.at(0));
  if (awaitable.index() == 0) {
    log(node.id, "none");
    co_return Flow();
  }
  co_await pass(noted(node.id, to_coro(std::move(awaitable))));
  co_return Flow();
}

Coro<Flow> Machine::do_return(const Node& node) { co_return Flow(node.word(0)); }

Coro<Flow> Machine::do_raise(const Node& node) {
  co_await raise<ValueError>(node.word(0));
  co_return Flow();
}

Coro<Flow> Machine::do_try(const Node& node) {
  Result<Flow> outcome = co_await try_(block(node.children.at(0).children));
  if (!outcome.ok() && catches(node.word(0), outcome.exception())) {
    log(node.id, "caught " + brief(outcome.exception()));
    Result<Flow> handled = co_await try_(block(node.children.at(1).children));
    if (handled.ok() && node.word(1) == "uncancel") {
      log(node.id, "uncancel " + std::to_string(current_task().uncancel()));
    }
    if (!handled.ok() || handled.value() || node.word(1) != "reraise") outcome = std::move(handled);
  }
  Flow last = co_await pass(block(node.children.at(2).children));
  if (last) co_return last;
  if (!outcome.ok()) co_await raise(outcome.exception());
  co_return std::move(outcome).value();
}

Coro<Flow> Machine::do_ok(const Node& node) {
  Result<Flow> outcome = co_await try_(statement(node.children.at(0)));
  if (outcome.ok()) co_return std::move(outcome).value();
  if (!catches(node.word(0), outcome.exception())) co_await raise(outcome.exception());
  co_return Flow();
}

Coro<Flow> Machine::limit(const Node& node, Timeout& timeout) {
  return scope(node, timeout, [&timeout] { return timeout.expired() ? " expired" : " in time"; });
}

Coro<Flow> Machine::do_timeout(const Node& node) {
  const auto delay = ticks_or_none(node.number(1));
  auto& made = timeouts_[node.number(0)];
  if (node.operation == "timeout") {
    made = std::make_unique<Timeout>(timeout(delay));
  } else {
    made = std::make_unique<Timeout>(
        timeout_at(delay ? std::optional(start_ + delay->value()) : std::nullopt));
  }
  return limit(node, *made);
}

Coro<Flow> Machine::do_wait(const Node& node) {
  auto watched = futures(node.children);
  WaitOptions options;
  options.timeout = ticks_or_none(node.number(1));
  options.return_when = node.word(0) == "first"       ? FIRST_COMPLETED
                        : node.word(0) == "exception" ? FIRST_EXCEPTION
                                                      : ALL_COMPLETED;
  auto indices = [](std::vector<Future<Text>> of, WaitOptions how) -> Coro<Text> {
    auto outcome = co_await pass(asyncio::wait(of, how));
    std::vector<Text> done;
    for (std::size_t i = 0; i < of.size(); ++i) {
      if (std::ranges::find(outcome.done, of[i]) != outcome.done.end()) {
        done.push_back(std::to_string(i));
      }
    }
    co_return show(done);
  };
  co_await pass(noted(node.id, indices(std::move(watched), options)));
  co_return Flow();
}

// --- awaitables ---------------------------------------------------------------------------------

std::vector<Future<Text>> Machine::futures(const Nodes& nodes) {
  std::vector<Operand> made;
  for (const Node& node : nodes) made.push_back(operand(node));
  std::vector<Future<Text>> all;
  for (Operand& one : made) {
    if (auto* coroutine = std::get_if<Coro<Text>>(&one)) {
      all.push_back(ensure_future(std::move(*coroutine)));
    } else if (auto* future = std::get_if<Future<Text>>(&one)) {
      all.push_back(*future);
    }
  }
  return all;
}

Operand Machine::operand(const Node& node) {
  const Text& kind = node.operation;
  if (kind == "task") {
    const auto found = tasks_.find(node.number(0));
    return found == tasks_.end() ? Operand() : Operand(Future<Text>(found->second));
  }
  if (kind == "g") {
    const auto found = gathers_.find(node.number(0));
    if (found == gathers_.end()) return {};
    return std::visit([](auto future) { return Operand(std::move(future)); }, found->second);
  }
  if (kind == "fut") return futures_.at(node.number(0));
  if (kind == "body") return body(node);
  if (kind == "csleep") return Coro<Text>(sleep(ticks(node.number(0)), Text(node.word(1))));
  if (kind == "gather") {
    return std::visit([](auto future) { return Operand(std::move(future)); },
                      gather_children(node.number(0) != 0, node.children));
  }
  if (kind == "waitfor") return wait_for_operand(node);
  if (kind == "shield") return shield_operand(node);
  return object_operand(node);
}

Operand Machine::wait_for_operand(const Node& node) {
  Operand inner = operand(node.children.at(0));
  const auto delay = ticks_or_none(node.number(0));
  return std::visit(
      [delay](auto&& held) -> Operand {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return {};
        } else {
          return limited(std::move(held), delay);
        }
      },
      std::move(inner));
}

// Coroutines stay coroutines when there is nothing else: gather() makes their tasks then.
Gathered Machine::gather_children(bool collect, const Nodes& nodes) {
  if (std::ranges::all_of(nodes, [](const Node& node) { return node.operation == "body"; })) {
    std::vector<Coro<Text>> coroutines;
    for (const Node& node : nodes) coroutines.push_back(body(node));
    if (collect) return gather(return_exceptions, std::move(coroutines));
    return gather(std::move(coroutines));
  }
  auto children = futures(nodes);
  if (collect) return gather(return_exceptions, std::move(children));
  return gather(std::move(children));
}

// --- plain calls --------------------------------------------------------------------------------

void Machine::plain(const Node& node) {
  try {
    const auto found = calls().find(node.operation);
    const Call call = found != calls().end() ? found->second : object_calls().at(node.operation);
    const Text text = (this->*call)(node);
    if (!text.empty()) log(node.id, text);
  } catch (const std::exception&) {
    log(node.id, "! " + brief(std::current_exception()));
  }
}

const std::map<std::string, Machine::Call>& Machine::calls() {
  static const std::map<std::string, Call> all = {
      {"spawn", &Machine::call_spawn},
      {"mkgather", &Machine::call_mkgather},
      {"cancel", &Machine::call_cancel},
      {"gcancel", &Machine::call_gcancel},
      {"fcancel", &Machine::call_fcancel},
      {"self", &Machine::call_self},
      {"uncancelself", &Machine::call_uncancelself},
      {"cancelling", &Machine::call_cancelling},
      {"uncancel", &Machine::call_uncancel},
      {"resched", &Machine::call_resched},
      {"fset", &Machine::call_fset},
      {"fexc", &Machine::call_fexc},
      {"fdone", &Machine::call_fdone},
      {"state", &Machine::call_state},
      {"soon", &Machine::call_soon},
      {"later", &Machine::call_later},
      {"hcancel", &Machine::call_hcancel},
      {"callback", &Machine::call_callback},
  };
  return all;
}

std::function<void()> Machine::callback(const Node& node) {
  return [this, &node] {
    for (const Node& child : node.children) plain(child);
  };
}

Text Machine::cancel(const AnyFuture& future, const Text& message) {
  return show(future.cancel(message == "-" ? std::string_view() : std::string_view(message)));
}

Text Machine::call_spawn(const Node& node) {
  auto task = create_task(body(node));
  tasks_.insert_or_assign(node.number(0), task);
  made_.push_back(task);
  return {};
}

Text Machine::call_mkgather(const Node& node) {
  gathers_.insert_or_assign(node.number(0), gather_children(node.number(1) != 0, node.children));
  return {};
}

Text Machine::call_cancel(const Node& node) {
  const auto found = tasks_.find(node.number(0));
  return found == tasks_.end() ? "none" : cancel(found->second, node.word(1));
}

Text Machine::call_gcancel(const Node& node) {
  const auto found = gathers_.find(node.number(0));
  if (found == gathers_.end()) return "none";
  return std::visit([&](auto& future) { return cancel(future, node.word(1)); }, found->second);
}

Text Machine::call_fcancel(const Node& node) {
  return cancel(futures_.at(node.number(0)), node.word(1));
}

Text Machine::call_self(const Node& node) { return cancel(current_task(), node.word(0)); }

Text Machine::call_uncancelself(const Node&) { return std::to_string(current_task().uncancel()); }

Text Machine::call_cancelling(const Node&) { return std::to_string(current_task().cancelling()); }

Text Machine::call_uncancel(const Node& node) {
  const auto found = tasks_.find(node.number(0));
  return found == tasks_.end() ? "none" : std::to_string(found->second.uncancel());
}

Text Machine::call_resched(const Node& node) {
  const auto found = timeouts_.find(node.number(0));
  if (found == timeouts_.end()) return "none";
  const auto delay = ticks_or_none(node.number(1));
  found->second->reschedule(delay ? std::optional(loop_.time() + delay->value()) : std::nullopt);
  return "ok";
}

Text Machine::call_fset(const Node& node) {
  futures_.at(node.number(0)).set_result(node.word(1));
  return {};
}

Text Machine::call_fexc(const Node& node) {
  futures_.at(node.number(0)).set_exception(ValueError(node.word(1)));
  return {};
}

Text Machine::call_fdone(const Node& node) {
  return Text(1, state_of(futures_.at(node.number(0))));
}

Text Machine::call_state(const Node&) { return states(); }

Text Machine::call_soon(const Node& node) {
  soon_[node.number(0)] = loop_.call_soon(callback(node));
  return {};
}

Text Machine::call_later(const Node& node) {
  timers_[node.number(0)] = loop_.call_later(ticks(node.number(1)), callback(node));
  return {};
}

Text Machine::call_hcancel(const Node& node) {
  const auto soon = soon_.find(node.number(0));
  const auto timer = timers_.find(node.number(0));
  if (soon != soon_.end()) {
    soon->second.cancel();
  } else if (timer != timers_.end()) {
    timer->second.cancel();
  } else {
    return "none";
  }
  return {};
}

Text Machine::call_callback(const Node& node) {
  AnyFuture of;
  if (node.word(0) == "task") {
    const auto found = tasks_.find(node.number(1));
    if (found == tasks_.end()) return "none";
    of = found->second;
  } else {
    of = futures_.at(node.number(1));
  }
  of.add_done_callback([run = callback(node)](AnyFuture) { run(); });
  return {};
}

void Machine::settle_futures() const {
  for (const auto& [number, future] : futures_) future.cancel();
}

void Machine::make(const Node& node) {
  const Text& kind = node.word(0);
  const int number = node.number(1);
  if (kind == "fut") {
    futures_[number] = loop_.create_future<Text>();
  } else {
    make_object(node);
  }
}

// --- running ------------------------------------------------------------------------------------

std::vector<std::string> run(const Node& program) {
  // A coroutine that a cancelled task was to await is reported as never awaited, in CPython as
  // well.
  const LogHandler before = set_log_handler([](LogLevel, std::string_view) {});
  EventLoop loop(std::make_unique<test::VirtualBackend>());
  loop.set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  Machine machine(loop);
  loop.run_until_complete(machine.main(program));
  auto log = machine.take_log();
  // A gather and a future that nobody settles hold each other.
  machine.settle_futures();
  loop.close();
  set_log_handler(before);
  return log;
}

}  // namespace asyncio::conformance
