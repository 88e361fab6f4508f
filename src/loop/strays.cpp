#include "loop/strays.hpp"

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "loop/fork_count.hpp"

namespace asyncio::detail {
namespace {

class Strays {
 public:
  static Strays& instance() {
    static auto* strays = new Strays;  // they may outlive every static object
    return *strays;
  }
  void add(std::size_t threads) {
    static const int registered = std::atexit([] { instance().wait(); });
    (void)registered;
    const std::lock_guard lock(mutex_);
    count_ += threads;
  }
  void remove() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_left_.notify_all();
  }

 private:
  void wait() {
    if (process_ != fork_count()) return;  // they stayed in the parent
    std::unique_lock lock(mutex_);
    none_left_.wait(lock, [this] { return count_ == 0; });
  }

  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t count_ = 0;
  unsigned process_ = fork_count();
};

}  // namespace

void add_strays(std::size_t threads) { Strays::instance().add(threads); }

void remove_stray() noexcept { Strays::instance().remove(); }

}  // namespace asyncio::detail
