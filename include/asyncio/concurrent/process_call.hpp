// A call as bytes: how function, arguments and result of ProcessPoolExecutor are taken apart on one
// side and put together on the other.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/result.hpp"
#include "asyncio/concurrent/archive.hpp"
#include "asyncio/concurrent/process_pool.hpp"

namespace asyncio::detail {

using concurrent::InputArchive;
using concurrent::OutputArchive;

/// Does `step`; what it throws becomes a SerializationError that says of what.
template <class Step>
decltype(auto) serialize_or_explain(const char* what, Step step) {
  try {
    return step();
  } catch (const std::exception& error) {
    throw concurrent::SerializationError(std::string("cannot serialize ") + what + ": " +
                                         error.what());
  }
}

// --- what may travel ----------------------------------------------------------------------------

/// As what a T arrives: text as a string, everything else as it is.
template <class T>
using sent_t = std::conditional_t<std::is_convertible_v<const std::decay_t<T>&, std::string_view> &&
                                      (std::is_pointer_v<std::decay_t<T>> ||
                                       std::is_same_v<std::decay_t<T>, std::string_view>),
                                  std::string, std::decay_t<T>>;

/// As what the items of a range arrive: those of a vector<bool> as bools.
template <class Range>
using item_t = sent_t<
    std::conditional_t<std::is_same_v<std::remove_cvref_t<Range>, std::vector<bool>>, bool,
                       std::remove_cvref_t<decltype(*std::begin(std::declval<const Range&>()))>>>;

/// Whether a T can travel, as far as one sees from outside: what a container holds only shows when
/// it is compiled.
template <class T>
inline constexpr bool kValueCanBeSent =
    !std::is_pointer_v<T> && !std::is_same_v<T, std::string_view> &&
    std::is_default_constructible_v<T> &&
    cereal::traits::is_output_serializable<T, OutputArchive>::value &&
    cereal::traits::is_input_serializable<T, InputArchive>::value;

template <class T>
constexpr bool check_sent() {
  static_assert(!std::is_pointer_v<T>,
                "a pointer means nothing in another process: send the value");
  static_assert(!std::is_same_v<T, std::string_view>,
                "a view means nothing in another process: use a std::string");
  static_assert(std::is_default_constructible_v<T>,
                "what travels to or from another process must be default-constructible: it is made "
                "first and filled then");
  static_assert(cereal::traits::is_output_serializable<T, OutputArchive>::value &&
                    cereal::traits::is_input_serializable<T, InputArchive>::value,
                "tell cereal what this type consists of: template <class Archive> void "
                "serialize(Archive& archive) { archive(a, b); }");
  return true;
}

// --- the function -------------------------------------------------------------------------------

template <class F>
inline constexpr bool kSentAsAddress =
    std::is_pointer_v<F> ? std::is_function_v<std::remove_pointer_t<F>>
                         : std::is_member_pointer_v<F>;
template <class F>
inline constexpr bool kSentAsType = std::is_empty_v<F> && std::is_default_constructible_v<F>;
template <class F>
inline constexpr bool kSentAsObject = !kSentAsAddress<F> && !kSentAsType<F> && std::is_class_v<F> &&
                                      std::is_default_constructible_v<F>;
/// Whether F can be sent to a process at all.
template <class F>
inline constexpr bool kCanBeSent = kSentAsAddress<F> || kSentAsType<F> || kSentAsObject<F>;

/// Where the code of a function is, for the worker to look whether it has that too.
template <class F>
const void* code_of(const F& function) noexcept {
  if constexpr (std::is_function_v<F>) {
    return reinterpret_cast<const void*>(&function);
  } else if constexpr (std::is_pointer_v<F>) {
    return reinterpret_cast<const void*>(function);
  } else {
    return nullptr;
  }
}

template <class F>
void pack_function(OutputArchive& archive, const F& function) {
  static_assert(kCanBeSent<F>,
                "a lambda with captures cannot travel to another process: pass what it needs as "
                "arguments");
  if constexpr (kSentAsAddress<F>) {
    archive.save_bytes(&function, sizeof function);
  } else if constexpr (kSentAsObject<F>) {
    static_assert(check_sent<F>());
    archive(function);
  }
}

template <class F>
F unpack_function(InputArchive& archive) {
  F function{};
  if constexpr (kSentAsAddress<F>) {
    archive.load_bytes(&function, sizeof function);
  } else if constexpr (kSentAsObject<F>) {
    archive(function);
  }
  return function;
}

// --- calls --------------------------------------------------------------------------------------

/// Writes `value`, with its blocks beside if they may be.
template <class T>
void put(OutputArchive& archive, const T& value, BlocksToSend& blocks,
         OutputArchive::MakeBlock make_block) {
  archive.set_beside(kMayTravelBeside<T> ? &blocks : nullptr, make_block);
  archive(value);
}
template <class T>
void get(InputArchive& archive, T& value, BlocksToRead& blocks) {
  archive.set_beside(kMayTravelBeside<T> ? &blocks : nullptr);
  archive(value);
}

template <class T>
void answer_with(WorkerCall& call, const T& value) {
  serialize_or_explain("the result", [&] {
    OutputArchive archive(call.answer);
    put(archive, value, call.answer_blocks, &BlockToSend::refer);
  });
  call.send_answer();
}

/// Where the arguments of a call go. The caller's may go at any time, so their blocks are copied;
/// what the caller gives away is kept instead.
class Arguments {
 public:
  explicit Arguments(ProcessJob& job) : archive_(job.request), job_(&job) {}
  [[nodiscard]] OutputArchive& archive() noexcept { return archive_; }
  template <class T>
  void put(T&& value) {
    using Value = std::remove_cvref_t<T>;
    constexpr bool is_given_away = std::is_same_v<T, Value> && kMayTravelBeside<Value>;
    if constexpr (is_given_away && !std::is_trivially_copyable_v<Value>) {
      auto kept = std::make_shared<Value>(std::move(value));
      detail::put(archive_, *kept, job_->request_blocks, &BlockToSend::refer);
      if (!job_->request_blocks.empty()) job_->kept.push_back(std::move(kept));
    } else {
      detail::put(archive_, value, job_->request_blocks, &BlockToSend::copy);
    }
  }

 private:
  OutputArchive archive_;
  ProcessJob* job_;
};

/// `function(args...)`, whose types both sides know.
template <class F, class... Args>
struct ProcessCall {
  using Function = std::decay_t<F>;
  using Result = std::remove_cvref_t<std::invoke_result_t<Function, sent_t<Args>...>>;

  static void pack(Arguments& arguments, const Function& function, Args&&... args) {
    static_assert((check_sent<sent_t<Args>>() && ...));
    pack_function(arguments.archive(), function);
    (pack_one(arguments, std::forward<Args>(args)), ...);
  }

  static void run(WorkerCall& work) {
    InputArchive archive(work.request);
    Function function =
        serialize_or_explain("the function", [&] { return unpack_function<Function>(archive); });
    std::tuple<sent_t<Args>...> args;
    serialize_or_explain("the arguments", [&] {
      std::apply([&](auto&... each) { (get(archive, each, work.request_blocks), ...); }, args);
    });
    work.read_blocks();
    const auto call = [&]() -> decltype(auto) {
      return std::apply(
          [&](auto&... each) -> decltype(auto) {
            return std::invoke(std::move(function), std::move(each)...);
          },
          args);
    };
    if constexpr (std::is_void_v<Result>) {
      call();
    } else {
      static_assert(check_sent<Result>());
      answer_with(work, call());
    }
  }

 private:
  template <class Arg>
  static void pack_one(Arguments& arguments, Arg&& arg) {
    if constexpr (std::is_same_v<sent_t<Arg>, std::decay_t<Arg>>) {
      arguments.put(std::forward<Arg>(arg));
    } else {
      arguments.put(std::string(arg));
    }
  }
};

/// `function(item)` for several items, whose results come back together.
template <class F, class Sent>
struct ProcessChunk {
  using Function = std::decay_t<F>;
  using Result = std::remove_cvref_t<std::invoke_result_t<Function&, Sent>>;
  using Value = base::non_void_t<Result>;
  using Results = std::vector<Value>;

  /// Takes up to `most` items from `item` on.
  template <class Iterator, class End>
  static void pack(Arguments& arguments, const Function& function, Iterator& item, const End& end,
                   std::size_t most) {
    static_assert(check_sent<Sent>());
    pack_function(arguments.archive(), function);
    for (; item != end && most > 0; --most) {
      arguments.put(std::uint8_t{1});
      // An item that cannot be sent is counted all the same, or the next chunk would meet it again.
      struct Advance {
        Iterator& iterator;
        ~Advance() { ++iterator; }
      } const advance{item};
      if constexpr (std::is_same_v<Sent, std::remove_cvref_t<decltype(*item)>>) {
        arguments.put(*item);
      } else {
        arguments.put(Sent(*item));
      }
    }
    arguments.put(std::uint8_t{0});
  }

  static void run(WorkerCall& work) {
    static_assert(check_sent<Value>());
    answer_with(work, results(work));
  }
  static Results results(WorkerCall& work) {
    InputArchive archive(work.request);
    Function function =
        serialize_or_explain("the function", [&] { return unpack_function<Function>(archive); });
    Results results;
    for (;;) {
      Sent item{};
      const bool more = serialize_or_explain("the arguments", [&] {
        std::uint8_t mark = 0;
        archive(mark);
        if (mark != 0) get(archive, item, work.request_blocks);
        return mark != 0;
      });
      if (!more) break;
      work.read_blocks();
      if constexpr (std::is_void_v<Result>) {
        std::invoke(function, std::move(item));
        results.emplace_back();
      } else {
        results.push_back(std::invoke(function, std::move(item)));
      }
    }
    return results;
  }
};

/// The pool's side of a call: a future that takes its result out of the answer.
template <class T>
class AnsweredCall final : public ThreadFutureOf<T>, public ProcessJob {
 public:
  ThreadFuture& future() noexcept override { return *this; }
  void unpack([[maybe_unused]] std::string_view answer,
              [[maybe_unused]] BlocksToRead& blocks) override {
    value_.emplace();
    if constexpr (!std::is_void_v<T>) {
      serialize_or_explain("the result", [&] {
        InputArchive archive(answer);
        get(archive, *value_, blocks);
      });
    }
  }
  void settle() override { this->set_result(std::move(*value_)); }

 private:
  std::optional<base::non_void_t<T>> value_;
};

}  // namespace asyncio::detail
