// What each pitfall of io_uring would break. What both pollers have in common is in
// backend_test.cpp.
#include "loop/uring_poller.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "support/descriptors.hpp"
#include "support/faulty_ring_calls.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using detail::RingOptions;
using detail::UringPoller;
using test::faulty_ring_calls;
using test::RingFaults;

constexpr Nanoseconds kLook{0};

// Both ends of a connection; the first one is watched.
struct Watched final : ReadinessListener {
  Watched() { open(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    if (ours >= 0) ::close(ours);
    if (theirs >= 0) ::close(theirs);
  }

  void open() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours = ends[0];
    theirs = ends[1];
    descriptor = Descriptor{};
    descriptor.fd = ours;
    descriptor.reader = this;
  }
  void on_ready() noexcept override { ++calls; }
  void send(char letter = 'x') const { ASSERT_EQ(::send(theirs, &letter, 1, 0), 1); }
  /// What the other end reads now: a byte count, 0 at the end of the stream, or -errno.
  [[nodiscard]] ssize_t heard() const {
    char letter = 0;
    const ssize_t count = ::recv(theirs, &letter, 1, MSG_DONTWAIT);
    return count < 0 ? -errno : count;
  }

  Descriptor descriptor;
  int ours = -1;
  int theirs = -1;
  int calls = 0;
};

class uring_poller : public ::testing::Test {
 protected:
  void SetUp() override {
    RingFaults::now() = {};
    const int opened = poller_.open(event_);
    if (opened == -EPERM || opened == -ENOSYS) GTEST_SKIP() << "io_uring is forbidden here";
    ASSERT_EQ(opened, 0);
  }
  ~uring_poller() override { ::close(event_); }

  static void look(UringPoller& poller) {
    poller.collect(kLook);
    poller.dispatch();
  }
  void look() { look(poller_); }

  int event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  UringPoller poller_{faulty_ring_calls()};
};

// limits.md 7.3
TEST_F(uring_poller, a_close_after_the_removal_ends_the_connection_at_once) {
  Watched one;
  ASSERT_EQ(poller_.add(one.descriptor), 0);
  look();
  poller_.remove(one.descriptor);
  ::close(std::exchange(one.ours, -1));
  EXPECT_EQ(one.heard(), 0);
}

// Fault L6: the request that is to be cancelled has an event on its way
TEST_F(uring_poller, a_close_with_events_under_way_ends_the_connection_at_once) {
  std::vector<std::unique_ptr<Watched>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<Watched>());
    ASSERT_EQ(poller_.add(all.back()->descriptor), 0);
  }
  look();
  for (const auto& one : all) one->send();
  for (const auto& one : all) {
    poller_.remove(one->descriptor);
    char letter = 0;
    ASSERT_EQ(::recv(one->ours, &letter, 1, 0), 1) << "the kernel took nothing by itself";
    ::close(std::exchange(one->ours, -1));
    EXPECT_EQ(one->heard(), 0);
  }
  const int before = all[0]->calls;
  look();
  EXPECT_EQ(all[0]->calls, before) << "what was on its way is nobody's";
}

// limits.md 7.4
TEST_F(uring_poller, an_event_of_a_closed_descriptor_does_not_reach_the_next_with_its_number) {
  auto first = std::make_unique<Watched>();
  ASSERT_EQ(poller_.add(first->descriptor), 0);
  look();
  first->send();
  poller_.collect(kLook);  // here it is, untold
  const int number = first->ours;
  poller_.remove(first->descriptor);
  first.reset();
  Watched second;
  ASSERT_EQ(second.ours, number);
  second.descriptor.read_drained = true;
  ASSERT_EQ(poller_.add(second.descriptor), 0);
  look();
  EXPECT_EQ(second.calls, 0);
  EXPECT_TRUE(second.descriptor.read_drained);
  second.send();
  look();
  EXPECT_EQ(second.calls, 1);
  poller_.remove(second.descriptor);
}

// Fault L15: somebody else closes what we watch, and opens something
TEST_F(uring_poller, a_number_that_was_closed_unseen_is_the_next_ones) {
  Watched first;
  ASSERT_EQ(poller_.add(first.descriptor), 0);
  look();
  const int number = first.ours;
  ::close(std::exchange(first.ours, -1));
  Watched second;
  ASSERT_EQ(second.ours, number);
  ASSERT_EQ(poller_.add(second.descriptor), 0);
  EXPECT_EQ(first.heard(), 0) << "nothing holds it open any more";
  const int before = first.calls;
  poller_.remove(first.descriptor);  // its owner finds out later
  second.send();
  look();
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(first.calls, before);
  poller_.remove(second.descriptor);
}

TEST_F(uring_poller, two_cannot_watch_the_same_and_the_first_goes_on) {
  Watched one;
  ASSERT_EQ(poller_.add(one.descriptor), 0);
  look();
  Descriptor again;
  again.fd = one.ours;
  again.reader = &one;
  EXPECT_EQ(poller_.add(again), -EEXIST);
  look();
  const int before = one.calls;
  one.send();
  look();
  EXPECT_EQ(one.calls, before + 1);
  poller_.remove(one.descriptor);
}

TEST_F(uring_poller, what_cannot_be_waited_for_is_refused_at_once_as_by_epoll) {
  Descriptor closed;
  EXPECT_EQ(poller_.add(closed), -EBADF);
  closed.fd = 999;
  EXPECT_EQ(poller_.add(closed), -EBADF);
  Descriptor file;
  file.fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(poller_.add(file), -EPERM);
  ::close(file.fd);
  look();
}

// limits.md 7.7
// Fault L5
TEST_F(uring_poller, thousands_of_edges_with_room_for_a_few_are_all_told) {
  UringPoller small(faulty_ring_calls());
  ASSERT_EQ(small.open(event_, {.entries = 4, .completions = 8, .one_thread = true}), 0);
  std::vector<std::unique_ptr<Watched>> all;
  for (int i = 0; i < 1500; ++i) {
    all.push_back(std::make_unique<Watched>());
    ASSERT_EQ(small.add(all.back()->descriptor), 0);
  }
  for (int round = 1; round <= 3; ++round) {
    for (const auto& one : all) one->send();
    const auto all_told = [&] {
      for (const auto& one : all) {
        if (one->calls < round) return false;
      }
      return true;
    };
    for (int turn = 0; turn < 10000 && !all_told(); ++turn) look(small);
    EXPECT_TRUE(all_told()) << "round " << round;
    while (!small.ring().idle()) look(small);
    for (const auto& one : all) {
      one->calls = round;
      char letter = 0;
      ASSERT_EQ(::recv(one->ours, &letter, 1, 0), 1);
    }
  }
  for (const auto& one : all) small.remove(one->descriptor);
}

// Fault L5, L10
TEST_F(uring_poller, nothing_is_lost_or_doubled_when_the_kernel_wants_to_be_asked_again) {
  for (const int error : {-EINTR, -EAGAIN, -EBUSY}) {
    UringPoller small(faulty_ring_calls());
    ASSERT_EQ(small.open(event_, {.entries = 4, .completions = 8, .one_thread = true}), 0);
    std::vector<std::unique_ptr<Watched>> all;
    RingFaults::now().enter_errors.assign(60, error);
    for (int i = 0; i < 50; ++i) {
      all.push_back(std::make_unique<Watched>());
      ASSERT_EQ(small.add(all.back()->descriptor), 0);
    }
    for (int turn = 0; turn < 100; ++turn) look(small);
    for (const auto& one : all) {
      EXPECT_EQ(one->calls, 0);
      one->send();
    }
    RingFaults::now().enter_errors.assign({error, 0, error, error, 0, error});
    for (int turn = 0; turn < 100; ++turn) look(small);
    for (const auto& one : all) {
      EXPECT_GE(one->calls, 1) << error;
      char letter = 0;
      ASSERT_EQ(::recv(one->ours, &letter, 1, 0), 1);
    }
    RingFaults::now().enter_errors.assign(30, error);
    for (const auto& one : all) small.remove(one->descriptor);
    look(small);
    for (const auto& one : all) {
      ::close(std::exchange(one->ours, -1));
      EXPECT_EQ(one->heard(), 0) << error;
    }
    RingFaults::now().enter_errors.clear();
  }
}

// limits.md 7.1 and 4: the ring's gain
TEST_F(uring_poller, a_look_at_nothing_is_no_system_call_and_never_sleeps) {
  Watched one;
  ASSERT_EQ(poller_.add(one.descriptor), 0);
  look();
  RingFaults& faults = RingFaults::now();
  faults.enters = faults.waits = 0;
  for (int i = 0; i < 100; ++i) look();
  EXPECT_EQ(faults.enters, 0U);
  one.send();
  look();
  EXPECT_EQ(one.calls, 1);
  EXPECT_EQ(faults.enters, 1U);
  EXPECT_EQ(faults.waits, 0U);
  poller_.remove(one.descriptor);
}

TEST_F(uring_poller, a_wait_with_events_that_have_come_does_not_sleep) {
  Watched one;
  ASSERT_EQ(poller_.add(one.descriptor), 0);
  look();
  one.send();
  poller_.collect(Nanoseconds::max());
  poller_.collect(Nanoseconds::max());
  poller_.dispatch();
  EXPECT_EQ(one.calls, 1);
  poller_.remove(one.descriptor);
}

TEST_F(uring_poller, each_write_to_the_eventfd_ends_a_wait) {
  look();
  const std::uint64_t number = 1;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(::write(event_, &number, sizeof number), ssize_t{sizeof number});
    poller_.collect(Nanoseconds::max());
    poller_.dispatch();
  }
}

// A ring for one thread refuses another one (EEXIST); loops may move.
TEST_F(uring_poller, a_loop_that_goes_on_in_another_thread_hears_what_comes) {
  Watched one;
  Watched two;
  ASSERT_EQ(poller_.add(one.descriptor), 0);
  look();
  std::thread([&] {
    one.send();
    poller_.collect(1s);
    poller_.dispatch();
    EXPECT_EQ(one.calls, 1);
    EXPECT_EQ(poller_.add(two.descriptor), 0);
    two.send();
    look();
    EXPECT_EQ(two.calls, 1);
  }).join();
  poller_.remove(one.descriptor);
  poller_.remove(two.descriptor);
  one.send();
  look();
  EXPECT_EQ(one.calls, 1);
}

// limits.md 7.10
// Fault L18
TEST_F(uring_poller, a_forked_child_that_ends_takes_nothing_away) {
  Watched one;
  ASSERT_EQ(poller_.add(one.descriptor), 0);
  look();
  const pid_t child = ::fork();
  if (child == 0) std::_Exit(0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  one.send();
  look();
  EXPECT_EQ(one.calls, 1);
  poller_.remove(one.descriptor);
}

// Fault L7
TEST_F(uring_poller, works_with_what_flags_an_older_kernel_has) {
  const unsigned linux_6_1 = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const unsigned linux_5_19 = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  const unsigned linux_5_18 = IORING_SETUP_SUBMIT_ALL;
  RingFaults& faults = RingFaults::now();
  for (const unsigned unknown :
       {0U, linux_6_1, linux_6_1 | linux_5_19, linux_6_1 | linux_5_19 | linux_5_18}) {
    faults = {};
    faults.unknown_flags = unknown;
    faults.missing_features = unknown == 0 ? 0 : IORING_FEAT_CQE_SKIP;
    UringPoller older(faulty_ring_calls());
    ASSERT_EQ(older.open(event_), 0);
    EXPECT_EQ(older.ring().flags() & unknown, 0U);
    Watched one;
    ASSERT_EQ(older.add(one.descriptor), 0);
    look(older);
    one.send();
    older.collect(Nanoseconds::max());
    older.dispatch();
    EXPECT_EQ(one.calls, 1);
    older.remove(one.descriptor);
    ::close(std::exchange(one.ours, -1));
    one.calls = 0;
    look(older);
    EXPECT_EQ(one.calls, 0);
    EXPECT_NE(one.heard(), -EAGAIN);
  }
}

// Fault L4, L7
TEST_F(uring_poller, is_refused_with_a_reason_and_leaves_nothing_open) {
  const int before = test::open_descriptors();
  RingFaults& faults = RingFaults::now();
  for (const int error : {EPERM, ENOSYS, ENOMEM, EMFILE}) {
    faults = {};
    faults.setup_error = error;
    UringPoller refused(faulty_ring_calls());
    EXPECT_EQ(refused.open(event_), -error);
    EXPECT_EQ(faults.setups, 1U) << "fewer flags would not help";
  }
  faults = {};
  faults.missing_features = IORING_FEAT_RSRC_TAGS;
  EXPECT_EQ(UringPoller(faulty_ring_calls()).open(event_), -EOPNOTSUPP);
  faults = {};
  faults.missing_operation = IORING_OP_POLL_ADD;
  EXPECT_EQ(UringPoller(faulty_ring_calls()).open(event_), -EOPNOTSUPP);
  faults = {};
  faults.unknown_flags = IORING_SETUP_CQSIZE;
  EXPECT_EQ(UringPoller(faulty_ring_calls()).open(event_), -EOPNOTSUPP);
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_THAT(detail::ring_refusal(-EPERM), ::testing::HasSubstr("kernel.io_uring_disabled"));
  EXPECT_THAT(detail::ring_refusal(-ENOSYS), ::testing::HasSubstr("built without it"));
  EXPECT_THAT(detail::ring_refusal(-ENOMEM), ::testing::HasSubstr("ulimit -l"));
  EXPECT_THAT(detail::ring_refusal(-EOPNOTSUPP), ::testing::HasSubstr("Linux 5.13"));
}

}  // namespace
}  // namespace asyncio
