#include "asyncio/loop/handle.hpp"

#include <chrono>
#include <sstream>
#include <string_view>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

// "main()::$_0" is what clang makes of a lambda, "main()::{lambda()#1}" what g++ does.
std::string callable_name(const std::type_info& type) {
  std::string name = base::type_name(type);
  for (const std::string_view sign : {"::$_", "::'lambda", "::{lambda"}) {
    if (const auto at = name.rfind(sign); at != std::string::npos) {
      return name.substr(0, at) + "::<lambda>";
    }
  }
  return name;
}

void CallbackBlock::invoke() noexcept {
  // A closed loop runs its queues once more only to let go of what is in them.
  if (cancelled_ || scheduler_->is_closed()) return;
  running_ = true;
  try {
    const ContextScope scope(context_);
    if (scope.refused()) [[unlikely]]
      std::rethrow_exception(make_context_error());
    call();
  } catch (...) {
    scheduler_->report_caught("Exception in callback", nullptr, this);
  }
  running_ = false;
  drop_callable();
}

std::string CallbackBlock::state_text() const {
  return cancelled_ ? " cancelled" : " " + callable_name(callable_type());
}

std::string TimerBlock::repr() const {
  std::ostringstream text;
  text << "<TimerHandle when=" << std::chrono::duration<double>(deadline).count() << state_text()
       << ">";
  return text.str();
}

void TimerBlock::disarm() noexcept {
  if (!armed()) return;
  scheduler_->disarm(*this);
  drop_reference();
}

}  // namespace asyncio::detail
