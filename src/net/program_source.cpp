// Names by a resolver of the program's own: each look-up is a task that runs its resolve().
#include <netdb.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/task/task.hpp"
#include "net/host_name.hpp"
#include "net/local_names.hpp"
#include "net/name_service.hpp"

namespace asyncio::detail {
namespace {

using Addresses = std::vector<SocketAddress>;

// What resolve() throws before it gives its coroutine is thrown here, too.
Coro<Addresses> ask(std::shared_ptr<AbstractResolver> resolver, NameQuestion question) {
  co_return co_await pass(resolver->resolve(question.host, question.port, question.family));
}

// Its task's callback holds it.
struct Asking : base::ListNode {
  LookUp* look_up = nullptr;  // null: abandoned
  std::optional<Task<Addresses>> task;
};

FoundName found_by(const Task<Addresses>& task, const std::string& host) {
  FoundName found;
  if (task.cancelled()) {
    found.failure = std::make_exception_ptr(
        RuntimeError(getaddrinfo_context(host) + ": the resolver's task was cancelled"));
  } else if (std::exception_ptr error = task.exception()) {
    found.failure = std::move(error);
  } else {
    found.addresses = task.result();
    if (!found.addresses.empty()) return found;
    found.error = EAI_NONAME;
    found.reason = "the resolver knows no address";
  }
  return found;
}

class ProgramSource final : public NameSource {
 public:
  explicit ProgramSource(std::shared_ptr<AbstractResolver> resolver)
      : resolver_(std::move(resolver)) {}

  void begin(LookUp& look_up) override {
    const NameQuestion& question = look_up.question();
    if (question.host.empty()) {
      FoundName found;
      found.addresses = addresses_of_this_host(question);
      return look_up.finish(std::move(found));
    }
    auto asking = std::make_shared<Asking>();
    const std::string name = "resolve " + question.host;
    asking->task = create_task(ask(resolver_, question), {.name = name});
    asking->task->add_done_callback([asking](const AnyFuture& task) { ended(*asking, task); });
    asking->look_up = &look_up;
    asked_.push_back(asking.get());
    look_up.ticket = asking.get();
  }

  void abandon(LookUp& look_up) noexcept override {
    auto* asking = static_cast<Asking*>(std::exchange(look_up.ticket, nullptr));
    asking->look_up = nullptr;
    const auto task = std::exchange(asking->task, std::nullopt);
    task->cancel();
  }

  // Tasks that nobody has joined are the loop's to report.
  void close() noexcept override {
    while (Asking* asking = asked_.pop_front()) asking->task.reset();
  }

 private:
  static void ended(Asking& asking, const AnyFuture& future) {
    asking.unlink();
    const auto task = std::exchange(asking.task, std::nullopt);
    LookUp* look_up = std::exchange(asking.look_up, nullptr);
    if (look_up == nullptr || !task) {
      if (!future.cancelled()) (void)future.exception();  // nobody is to hear of it
      return;
    }
    look_up->ticket = nullptr;
    look_up->finish(found_by(*task, look_up->question().host));
  }

  std::shared_ptr<AbstractResolver> resolver_;
  base::List<Asking> asked_;
};

}  // namespace

std::shared_ptr<NameSource> make_program_source(std::shared_ptr<AbstractResolver> resolver) {
  return std::make_shared<ProgramSource>(std::move(resolver));
}

}  // namespace asyncio::detail
