// A loop whose worker threads are the test's to run: a job begins and ends when the test says so.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "support/loop_test.hpp"
#include "support/virtual_backend.hpp"

namespace asyncio::test {

/// The virtual clock, and jobs that wait until the test runs them, on the loop's thread.
class ScriptedThreads : public VirtualBackend {
 public:
  void submit(BlockingJob& job) override { waiting_.push_back(&job); }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  /// Runs the oldest job, as a worker thread would; done() comes with deliver().
  void run_one() {
    BlockingJob* job = waiting_.front();
    waiting_.pop_front();
    job->run();
    ran_.push_back(job);
  }
  /// In a turn of the loop.
  void deliver() {
    while (!ran_.empty()) {
      BlockingJob* job = ran_.front();
      ran_.pop_front();
      job->done();
    }
  }
  void abandon_workers() noexcept override { abandoned_ = true; }
  [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }
  /// Jobs that have not begun go back unrun.
  void close_all() noexcept override {
    deliver();
    while (!waiting_.empty()) {
      BlockingJob* job = waiting_.front();
      waiting_.pop_front();
      job->done();
    }
  }

 private:
  std::deque<BlockingJob*> waiting_;
  std::deque<BlockingJob*> ran_;
  bool abandoned_ = false;
};

class ScriptedThreadsTest : public QuietTest {
 protected:
  ScriptedThreadsTest() {
    auto backend = std::make_unique<ScriptedThreads>();
    threads_ = backend.get();
    loop_ = std::make_unique<EventLoop>(std::move(backend));
  }
  EventLoop& loop() { return *loop_; }
  ScriptedThreads& threads() { return *threads_; }
  /// Runs the oldest job and takes its result to the loop.
  void finish_one() {
    threads().run_one();
    loop().call_soon([this] { threads().deliver(); });
  }
  void turn(int count = 1) {
    for (int i = 0; i < count; ++i) {
      loop().stop();
      loop().run_forever();
    }
  }
  void TearDown() override {
    loop_->close();
    loop_.reset();
    QuietTest::TearDown();
  }

 private:
  ScriptedThreads* threads_;
  std::unique_ptr<EventLoop> loop_;
};

}  // namespace asyncio::test
