#include "net/name_service.hpp"

#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/loop/backend.hpp"

namespace asyncio::detail {
namespace {

// A thousand names to look up are no thousand lines.
void say_once(const std::string& why) noexcept {
  static std::atomic<bool> said{false};
  if (said.exchange(true)) return;
  log(LogLevel::warning, "c-ares does not work here (" + why +
                             "): names are looked up on threads. ASYNCIO_RESOLVER=threads silences "
                             "this.");
}

// Each once, and not more than anybody would try.
void bound(std::vector<SocketAddress>& addresses) noexcept {
  constexpr std::size_t kMost = 64;
  auto end = addresses.begin();
  for (const SocketAddress& address : addresses) {
    if (end == addresses.begin() + kMost) break;
    if (std::find(addresses.begin(), end, address) == end) *end++ = address;
  }
  addresses.erase(end, addresses.end());
}

}  // namespace

// --- one look-up --------------------------------------------------------------------------------

LookUp::LookUp(NameService& service, std::shared_ptr<NameSource> source, NameQuestion question)
    : service_(&service),
      source_(std::move(source)),
      question_(std::move(question)),
      place_(std::make_shared<FoundName>()) {}

void LookUp::leave(Resolve& waiter) noexcept {
  waiter.unlink();
  if (found_ || !waiters_.empty()) return;
  service_->abandoned(*this);
  source_->abandon(*this);
}

void LookUp::finish(FoundName found) noexcept {
  bound(found.addresses);
  *place_ = std::move(found);
  found_ = std::move(place_);
  service_->finished(*this);
  while (Resolve* waiter = waiters_.pop_front()) {
    waiter->found_ = found_;
    waiter->wake();
  }
}

// --- the loop's names ---------------------------------------------------------------------------

NameService::NameService(Scheduler& scheduler) : scheduler_(&scheduler) {
  const char* variable = std::getenv("ASYNCIO_RESOLVER");
  const std::string_view wanted = variable == nullptr ? "" : variable;
  if (!wanted.empty() && wanted != "threads" && wanted != "cares") {
    throw RuntimeError("ASYNCIO_RESOLVER=" + std::string(wanted) +
                       ": no such resolver; there is: cares, threads");
  }
  // A simulated world has hosts of its own, and no name server.
  const bool simulated = scheduler.backend().is_simulated();
  const bool asks_itself = !simulated && (wanted.empty() ? has_async_source() : wanted == "cares");
  if (asks_itself) {
    use(AsyncResolver{});
  } else {
    use(ThreadedResolver{});
  }
  scheduler.attach(*this);
}

void NameService::use(const AsyncResolver& resolver) {
  if (!has_async_source()) {
    throw RuntimeError(
        "AsyncResolver: the library was built without c-ares (CMake: ASYNCIO_CARES); use "
        "ThreadedResolver");
  }
  std::string why;
  std::shared_ptr<NameSource> source = make_async_source(*scheduler_, resolver, why);
  if (!source) {
    say_once(why);
    source = make_threaded_source(*scheduler_, ThreadedResolver{});
  }
  use(std::move(source), resolver.cache);
}

void NameService::use(const ThreadedResolver& resolver) {
  use(make_threaded_source(*scheduler_, resolver), resolver.cache);
}

void NameService::use(std::shared_ptr<AbstractResolver> resolver) {
  if (!resolver) throw ValueError("set_resolver: there is no resolver");
  const NameCacheOptions cache = resolver->cache();
  use(make_program_source(std::move(resolver)), cache);
  wants_ports_ = true;
}

void NameService::use(std::shared_ptr<NameSource> source, const NameCacheOptions& cache) noexcept {
  source_ = std::move(source);
  cache_ = cache;
  wants_ports_ = false;
  clear();
  under_way_.clear();  // they go on with who was asked, for those who asked
}

void NameService::clear() noexcept { known_.clear(); }

void NameService::on_loop_close() noexcept {
  known_.clear();
  source_->close();
}

std::shared_ptr<const FoundName> NameService::remembered(const NameQuestion& question) {
  const auto at = known_.find(question);
  if (at == known_.end()) return nullptr;
  Entry& entry = at->second;
  if (scheduler_->time() >= entry.good_until) {
    forget(entry);
    return nullptr;
  }
  entry.unlink();
  by_use_.push_back(&entry);
  return entry.found;
}

std::shared_ptr<LookUp> NameService::look_up(NameQuestion question) {
  std::weak_ptr<LookUp>& place = under_way_[question];
  if (std::shared_ptr<LookUp> same = place.lock()) return same;
  auto look_up = std::make_shared<LookUp>(*this, source_, std::move(question));
  place = look_up;
  try {
    look_up->begin();
  } catch (...) {
    abandoned(*look_up);
    throw;
  }
  return look_up;
}

void NameService::finished(const LookUp& look_up) noexcept {
  abandoned(look_up);
  try {
    remember(look_up);
  } catch (const std::bad_alloc&) {
    // Not remembered, then.
  }
}

// One that began before set_resolver() is no longer ours to forget: another may have its name.
void NameService::abandoned(const LookUp& look_up) noexcept {
  const auto at = under_way_.find(look_up.question());
  if (at == under_way_.end()) return;
  const std::shared_ptr<LookUp> same = at->second.lock();
  if (!same || same.get() == &look_up) under_way_.erase(at);
}

// --- the cache ----------------------------------------------------------------------------------

Nanoseconds NameService::time_to_live(const FoundName& found) const noexcept {
  if (found.failure) return Nanoseconds{0};
  if (found.error != 0) {
    const bool final = found.error == EAI_NONAME || found.error == EAI_NODATA;
    if (!final) return Nanoseconds{0};
    return std::min(found.ttl.value_or(cache_.negative_ttl.value()),
                    cache_.max_negative_ttl.value());
  }
  const Nanoseconds told = found.ttl.value_or(cache_.default_ttl.value());
  return std::clamp(told, cache_.min_ttl.value(),
                    std::max(cache_.min_ttl.value(), cache_.max_ttl.value()));
}

void NameService::remember(const LookUp& look_up) {
  const Nanoseconds ttl = time_to_live(*look_up.found());
  if (ttl.count() <= 0 || cache_.max_entries == 0) return;
  const auto [at, is_new] = known_.try_emplace(look_up.question());
  Entry& entry = at->second;
  entry.question = &at->first;
  entry.found = look_up.found();
  entry.good_until = base::saturating_add(scheduler_->time(), ttl);
  entry.unlink();
  by_use_.push_back(&entry);
  if (known_.size() > cache_.max_entries) forget(*by_use_.front());
}

void NameService::forget(Entry& entry) noexcept { known_.erase(known_.find(*entry.question)); }

// --- for the facade -----------------------------------------------------------------------------

void set_resolver(Scheduler& scheduler, const AsyncResolver& resolver) {
  scheduler.check_call();
  scheduler.state<NameService>().use(resolver);
}

void set_resolver(Scheduler& scheduler, const ThreadedResolver& resolver) {
  scheduler.check_call();
  scheduler.state<NameService>().use(resolver);
}

void set_resolver(Scheduler& scheduler, std::shared_ptr<AbstractResolver> resolver) {
  scheduler.check_call();
  scheduler.state<NameService>().use(std::move(resolver));
}

void clear_dns_cache(Scheduler& scheduler) {
  if (auto* names = scheduler.find_state<NameService>()) names->clear();
}

}  // namespace asyncio::detail
