// What a loop knows of names: what it remembers, and which look-ups are under way.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>

#include "asyncio/base/list.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/net/resolver.hpp"
#include "net/name_source.hpp"

namespace asyncio::detail {

class NameService;

/// One question under way, for all who ask it. Those who wait hold it; when the last of them
/// leaves, it ends. A source may keep it in a list of its own.
class LookUp : public base::ListNode {
 public:
  LookUp(NameService& service, std::shared_ptr<NameSource> source, NameQuestion question);
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;

  [[nodiscard]] const NameQuestion& question() const noexcept { return question_; }
  /// Null until finish() was called.
  [[nodiscard]] const std::shared_ptr<FoundName>& found() const noexcept { return found_; }

  void begin() { source_->begin(*this); }
  void add(Resolve& waiter) noexcept { waiters_.push_back(&waiter); }
  void leave(Resolve& waiter) noexcept;

  // --- for its source -------------------------------------------------------------------------

  /// Once, unless it was abandoned. Those who wait become ready; none of them runs here.
  void finish(FoundName found) noexcept;
  /// What the source knows it by.
  void* ticket = nullptr;

 private:
  NameService* service_;
  std::shared_ptr<NameSource> source_;  // also when the loop has another one by now
  NameQuestion question_;
  std::shared_ptr<FoundName> place_;  // made first: finishing must not fail
  std::shared_ptr<FoundName> found_;
  base::List<Resolve> waiters_;
};

/// Per loop: Scheduler::state<NameService>().
class NameService final : public LayerState, private LoopResource {
 public:
  /// With the resolver that ASYNCIO_RESOLVER names, else the best there is. RuntimeError when it
  /// names one that is not there.
  explicit NameService(Scheduler& scheduler);
  ~NameService() override { unlink(); }

  void use(const AsyncResolver& resolver);
  void use(const ThreadedResolver& resolver);
  void use(std::shared_ptr<AbstractResolver> resolver);
  void clear() noexcept;

  /// Whether the port is part of a question.
  [[nodiscard]] bool wants_ports() const noexcept { return wants_ports_; }
  /// A remembered answer, or null.
  std::shared_ptr<const FoundName> remembered(const NameQuestion& question);
  /// The look-up of that, begun if nobody has; it may be over already.
  std::shared_ptr<LookUp> look_up(NameQuestion question);

  // --- for look-ups ---------------------------------------------------------------------------

  void finished(const LookUp& look_up) noexcept;
  void abandoned(const LookUp& look_up) noexcept;

 private:
  struct Hash {
    std::size_t operator()(const NameQuestion& question) const noexcept {
      return std::hash<std::string>()(question.host) + static_cast<std::size_t>(question.family) +
             question.port;
    }
  };
  struct Entry : base::ListNode {
    const NameQuestion* question = nullptr;
    std::shared_ptr<const FoundName> found;
    Nanoseconds good_until{0};
  };

  void use(std::shared_ptr<NameSource> source, const NameCacheOptions& cache) noexcept;
  [[nodiscard]] Nanoseconds time_to_live(const FoundName& found) const noexcept;
  void remember(const LookUp& look_up);
  void forget(Entry& entry) noexcept;
  void on_loop_close() noexcept override;

  Scheduler* scheduler_;
  std::shared_ptr<NameSource> source_;
  NameCacheOptions cache_;
  bool wants_ports_ = false;
  std::unordered_map<NameQuestion, std::weak_ptr<LookUp>, Hash> under_way_;
  std::unordered_map<NameQuestion, Entry, Hash> known_;
  base::List<Entry> by_use_;  // the least lately used first
};

}  // namespace asyncio::detail
