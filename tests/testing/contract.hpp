// One body for every world: what a backend promises holds on each of the kernel's and in the
// simulation. A new backend joins with its name in kWorlds.
#pragma once

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/io/socket.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/testing/simulated_backend.hpp"
#include "support/descriptors.hpp"
#include "support/environment.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {

using namespace std::chrono_literals;

inline constexpr std::array kWorlds = {"epoll", "io_uring", "simulated", "simulated_in_pieces"};

/// A loop of the kernel's with the backend of this name.
inline std::unique_ptr<EventLoop> make_kernel_loop(const char* name) {
  const EnvironmentVariable chosen("ASYNCIO_BACKEND", name);
  return std::make_unique<EventLoop>();
}

inline std::unique_ptr<EventLoop> make_world(std::string_view name) {
  if (!name.starts_with("simulated")) return make_kernel_loop(std::string(name).c_str());
  auto backend = std::make_unique<testing::SimulatedBackend>(
      testing::SimulationOptions{.seed = 11, .hostile = true});
  if (name == "simulated_in_pieces") {
    backend->network().set_segmentation(testing::Segmentation::random);
    backend->network().set_short_calls(3);
    backend->network().set_buffer(20'000);
  }
  return std::make_unique<EventLoop>(std::move(backend));
}

class contract : public QuietTest, public ::testing::WithParamInterface<const char*> {
 protected:
  EventLoop& loop() { return *loop_; }
  Scheduler& scheduler() { return loop_->scheduler(); }
  Backend& backend() { return loop_->scheduler().backend(); }
  [[nodiscard]] bool is_simulated() { return backend().is_simulated(); }
  template <class A>
  auto run(A&& main) {
    return loop_->run_until_complete(std::forward<A>(main));
  }
  /// A path that no other test uses.
  std::string path(const std::string& name) {
    if (is_simulated()) return "/run/" + name;
    if (folder_.empty()) {
      std::string pattern = std::filesystem::temp_directory_path() / "contract-XXXXXX";
      folder_ = ::mkdtemp(pattern.data());
    }
    return folder_ + "/" + name;
  }

  void SetUp() override {
    const std::string_view wanted = GetParam();
    if (is_simulated()) return;
    // It is chosen when the first descriptor comes.
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(backend().socket_pair(SOCK_STREAM, ends), 0);
    Descriptor probe;
    probe.fd = ends[0];
    backend().watch(probe);
    backend().unwatch(probe);
    for (const int end : ends) backend().close(end);
    if (backend().name() == wanted) return;
    take_logs();  // it says why
    GTEST_SKIP() << "this kernel has no " << wanted << " for us";
  }
  void TearDown() override {
    if (!loop_->is_closed()) detail::cancel_and_join_all(scheduler());
    loop_.reset();
    if (!folder_.empty()) {
      EXPECT_EQ(std::filesystem::remove_all(folder_), 1U) << "files left in " << folder_;
    }
    EXPECT_EQ(open_descriptors(), before_) << "descriptors leaked";
    QuietTest::TearDown();
  }

 private:
  int before_ = open_descriptors();
  std::string folder_;
  std::unique_ptr<EventLoop> loop_ = make_world(GetParam());
};

// For what is on its way: in a world whose clock jumps it takes some time, elsewhere some turns.
inline Coro<> a_moment() {
  const bool jumps = get_running_loop().scheduler().backend().is_simulated();
  co_await sleep(jumps ? 1ms : 0ms);
}

// Until the kernel, or the clock that jumps, has brought what is on its way to this descriptor.
inline Coro<> until_something_waits(int fd) {
  Backend& backend = get_running_loop().scheduler().backend();
  Readiness ready;
  while (backend.poll_now(fd, ready) == 0 && !ready.readable) co_await a_moment();
}

}  // namespace asyncio::test
