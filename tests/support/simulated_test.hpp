// The fixture of tests with sockets whose time is their subject: a network and a clock that exist
// in memory only, and a check that nothing was left behind in either.
#pragma once

#include "asyncio/task/drive.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {

class SimulatedTest : public LoopTest {
 protected:
  testing::SimulatedBackend& backend() {
    return static_cast<testing::SimulatedBackend&>(scheduler().backend());
  }
  testing::Network& network() { return backend().network(); }
  /// Since the start, on the clock that jumps.
  Nanoseconds elapsed() { return backend().elapsed(); }

  void TearDown() override {
    // As run() does: handlers of connections end in order.
    scheduler().set_exception_handler(nullptr);
    if (!loop().is_closed()) detail::cancel_and_join_all(scheduler());
    close_loop();
    EXPECT_EQ(network().open_descriptors(), 0U) << "descriptors leaked";
    LoopTest::TearDown();
  }
};

}  // namespace asyncio::test
