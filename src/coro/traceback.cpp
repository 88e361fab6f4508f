#include "asyncio/coro/traceback.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/coro/frame.hpp"

namespace asyncio {
namespace detail {
namespace {

// Of a long chain the innermost half, and the outermost in a ring.
class Record {
 public:
  std::exception_ptr error;

  void begin(const std::exception_ptr& of) noexcept {
    error = of;
    count_ = 0;
  }

  void append(const Frame& frame) noexcept {
    const Frame* parent = frame.waiter != nullptr ? frame.waiter->parent : nullptr;
    // Somebody else waits for it too, and it came another way before: keep what both share.
    if (count_ > 0 && count_ <= kSize && marks_[count_ - 1].next != &frame) diverge(frame);
    marks_[index(count_++)] = {frame.name(), frame.where, parent};
  }

  [[nodiscard]] std::vector<FrameMark> marks() const {
    std::vector<FrameMark> all;
    const std::size_t from = count_ <= kSize ? 0 : count_ - kHalf;
    for (std::size_t i = 0; i < std::min(count_, kHalf); ++i) all.push_back(marks_[i]);
    for (std::size_t i = std::max(from, kHalf); i < count_; ++i) all.push_back(marks_[index(i)]);
    return all;
  }

 private:
  static constexpr std::size_t kSize = 64;
  static constexpr std::size_t kHalf = kSize / 2;

  static std::size_t index(std::size_t i) noexcept {
    return i < kSize ? i : kHalf + (i - kSize) % kHalf;
  }

  void diverge(const Frame& frame) noexcept {
    for (std::size_t i = count_; i-- > 0;) {
      if (marks_[i].next == &frame) {
        count_ = i + 1;
        return;
      }
    }
    // Through a task: all that lies in the task which failed first.
    for (std::size_t i = 0; i < count_; ++i) {
      if (marks_[i].next == nullptr) {
        count_ = i + 1;
        return;
      }
    }
  }

  std::array<FrameMark, kSize> marks_;
  std::size_t count_ = 0;
};

// Several errors may be under way at once: of the children of a group.
struct Recorder {
  std::array<Record, 4> records;
  std::size_t oldest = 0;
  std::exception_ptr leaving;  // the loop, by run()
  std::vector<FrameMark> leaving_marks;

  Record* find(const std::exception_ptr& error) noexcept {
    for (Record& record : records) {
      if (record.error == error) return &record;
    }
    return nullptr;
  }
};

Recorder& recorder() noexcept {
  static thread_local Recorder of_thread;
  return of_thread;
}

std::terminate_handler terminate_before = nullptr;

// A program whose main() lets an error of run() go by ends here.
[[noreturn]] void tell_uncaught() {
  const std::exception_ptr error = std::current_exception();
  if (error && error == recorder().leaving) log(LogLevel::error, format_exception(error));
  if (terminate_before != nullptr) terminate_before();
  std::abort();
}

// Once, and not before an error has left a loop: most programs keep the handler they have.
void tell_when_uncaught() noexcept {
  [[maybe_unused]] static const bool once = [] {
    terminate_before = std::set_terminate(&tell_uncaught);
    return true;
  }();
}

bool is_cancellation(const std::exception_ptr& error) noexcept {
  const std::type_info* type = error.__cxa_exception_type();
  return type != nullptr && *type == typeid(CancelledError);
}

}  // namespace

void note_error(const Frame& frame, const std::exception_ptr& error) noexcept {
  if (is_cancellation(error)) return;
  Recorder& all = recorder();
  Record* record = all.find(error);
  if (record == nullptr) {
    record = &all.records[all.oldest];
    all.oldest = (all.oldest + 1) % all.records.size();
    record->begin(error);
  }
  record->append(frame);
}

std::vector<FrameMark> traceback_of(const std::exception_ptr& error) {
  if (!error) return {};
  Recorder& all = recorder();
  if (const Record* record = all.find(error)) return record->marks();
  return all.leaving == error ? all.leaving_marks : std::vector<FrameMark>();
}

void forget_tracebacks() noexcept {
  for (Record& record : recorder().records) record.error = nullptr;
}

void remember_traceback(const std::exception_ptr& error, std::vector<FrameMark> marks) noexcept {
  Recorder& all = recorder();
  all.leaving = error;
  all.leaving_marks = std::move(marks);
  tell_when_uncaught();
}

std::vector<FrameCallGraphEntry> stack_of(const std::vector<FrameMark>& marks) {
  std::vector<FrameCallGraphEntry> stack;
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    stack.emplace_back(mark->function, mark->where);
  }
  return stack;
}

}  // namespace detail

FrameCallGraphEntry::FrameCallGraphEntry(const char* function_name,
                                         const std::source_location& where)
    : function(detail::short_name(function_name)), file(where.file_name()), line(where.line()) {}

std::string format_stack(const std::vector<FrameCallGraphEntry>& stack) {
  std::string text;
  for (const FrameCallGraphEntry& entry : stack) {
    text += "  File \"" + std::string(entry.file) + "\", line " + std::to_string(entry.line) +
            ", in " + entry.function + "\n";
  }
  return text;
}

std::string format_exception(const std::exception_ptr& error) {
  const std::string stack = format_stack(detail::stack_of(detail::traceback_of(error)));
  const std::string head = stack.empty() ? "" : "Traceback (most recent call last):\n";
  return head + stack + base::describe(error);
}

}  // namespace asyncio
