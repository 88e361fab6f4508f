// What every backend on the real kernel must keep.
#include "asyncio/loop/backend.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "asyncio/base/error.hpp"
#include "support/descriptors.hpp"
#include "support/environment.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::open_descriptors;

struct Listener : ReadinessListener {
  void on_ready() noexcept override {
    ++calls;
    if (then) then();
  }
  int calls = 0;
  std::function<void()> then;
};

// Counts how often its work ran and how often it came back.
struct Job : BlockingJob {
  explicit Job(std::function<void()> what = {}) : work(std::move(what)) {}
  void run() noexcept override {
    ++runs;
    if (work) work();
  }
  void done() noexcept override {}
  std::function<void()> work;
  std::atomic<int> runs{0};
  std::atomic<int> returned{0};
};

// Once for each way to wait. Where io_uring is forbidden that one is epoll, too: nobody notices.
class backend : public ::testing::TestWithParam<const char*> {
 protected:
  backend() : kernel(make(GetParam())) {}
  ~backend() override {
    if (pair[0] >= 0) ::close(pair[0]);
    if (pair[1] >= 0) ::close(pair[1]);
  }

  static std::unique_ptr<Backend> make(const char* name) {
    const test::EnvironmentVariable choice("ASYNCIO_BACKEND", name);
    return make_backend(
        [](void*, BlockingJob& job) noexcept {
          static_cast<Job&>(job).returned.fetch_add(1);
          static_cast<Job&>(job).returned.notify_all();
        },
        nullptr);
  }

  void make_pair(int type = SOCK_STREAM) {
    ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    descriptor.fd = pair[0];
    descriptor.reader = &reader;
    descriptor.writer = &writer;
  }
  void look() { kernel->wait(Nanoseconds::min()); }

  std::unique_ptr<Backend> kernel;
  int pair[2] = {-1, -1};
  Descriptor descriptor;
  Listener reader;
  Listener writer;
};

TEST_P(backend, an_unknown_name_is_refused_with_the_known_ones) {
  try {
    (void)make("nosuch");
    ADD_FAILURE() << "no error";
  } catch (const RuntimeError& error) {
    EXPECT_STREQ(error.what(),
                 "ASYNCIO_BACKEND=nosuch: no such backend; there is: auto, epoll, io_uring");
  }
  EXPECT_EQ(make(GetParam())->name(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(on, backend, ::testing::Values("epoll", "io_uring"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(backend, the_poller_is_made_by_the_first_watch) {
  const int before = open_descriptors();
  kernel->wait(kernel->now() + 1ms);
  kernel->wake();
  kernel->wait(Nanoseconds::max());
  EXPECT_EQ(open_descriptors(), before);
  make_pair();
  ASSERT_EQ(kernel->watch(descriptor), 0);
  EXPECT_EQ(open_descriptors(), before + 4);  // the pair, epoll, the wake-up
  kernel->unwatch(descriptor);
  kernel->close_all();
  EXPECT_EQ(open_descriptors(), before + 2);
}

TEST_P(backend, a_wait_ends_at_its_deadline_with_and_without_descriptors) {
  for (const bool with_descriptor : {false, true}) {
    if (with_descriptor) {
      make_pair();
      ASSERT_EQ(kernel->watch(descriptor), 0);
      look();
    }
    const Nanoseconds deadline = kernel->now() + 2ms;
    while (kernel->now() < deadline) kernel->wait(deadline);
    kernel->wait(kernel->now() - 1s);  // has passed: returns
    kernel->wait(Nanoseconds(0));
  }
  kernel->unwatch(descriptor);
}

TEST_P(backend, a_wake_before_the_wait_is_kept) {
  kernel->wake();
  kernel->wait(Nanoseconds::max());
  make_pair();
  ASSERT_EQ(kernel->watch(descriptor), 0);
  look();
  kernel->wake();
  kernel->wait(Nanoseconds::max());
  kernel->unwatch(descriptor);
}

TEST_P(backend, a_wake_from_another_thread_ends_a_wait_again_and_again) {
  for (const bool with_descriptor : {false, true}) {
    if (with_descriptor) {
      make_pair();
      ASSERT_EQ(kernel->watch(descriptor), 0);
      look();
    }
    std::atomic<int> round{0};
    std::thread other([&] {
      for (int i = 1; i <= 500; ++i) {
        round = i;
        kernel->wake();
        while (round == i) std::this_thread::yield();
      }
    });
    for (int i = 1; i <= 500; ++i) {
      while (round != i) kernel->wait(Nanoseconds::max());
      round = -i;
    }
    other.join();
  }
  kernel->unwatch(descriptor);
}

TEST_P(backend, a_signal_handler_may_wake_and_errno_survives) {
  static Backend* target = nullptr;
  target = kernel.get();
  make_pair();
  ASSERT_EQ(kernel->watch(descriptor), 0);
  look();
  std::signal(SIGUSR1, [](int) { target->wake(); });
  const pthread_t here = ::pthread_self();
  std::thread other([here] { ::pthread_kill(here, SIGUSR1); });
  kernel->wait(Nanoseconds::max());
  other.join();
  errno = 77;
  std::raise(SIGUSR1);
  EXPECT_EQ(errno, 77);
  std::signal(SIGUSR1, SIG_DFL);
  kernel->unwatch(descriptor);
}

TEST_P(backend, tells_edges_once_and_both_directions_apart) {
  make_pair();
  descriptor.read_drained = descriptor.write_full = true;
  ASSERT_EQ(kernel->watch(descriptor), 0);
  EXPECT_TRUE(descriptor.watched);
  EXPECT_TRUE(kernel->watching());
  look();
  EXPECT_EQ(reader.calls, 0);
  EXPECT_EQ(writer.calls, 1) << "what is ready when it is registered is told";
  EXPECT_TRUE(descriptor.read_drained);
  EXPECT_FALSE(descriptor.write_full);
  look();
  EXPECT_EQ(writer.calls, 1);

  ASSERT_EQ(::send(pair[1], "x", 1, 0), 1);
  look();
  EXPECT_EQ(reader.calls, 1);
  EXPECT_FALSE(descriptor.read_drained);
  EXPECT_FALSE(descriptor.hang_up);
  look();
  EXPECT_EQ(reader.calls, 1) << "unread data is no edge";
  kernel->unwatch(descriptor);
  EXPECT_FALSE(kernel->watching());
}

// Fault L10: both at once
TEST_P(backend, a_peer_that_closes_is_a_hang_up_for_both_directions) {
  make_pair();
  ASSERT_EQ(kernel->watch(descriptor), 0);
  look();
  const int writes = writer.calls;
  ASSERT_EQ(::send(pair[1], "last words", 10, 0), 10);
  ::close(std::exchange(pair[1], -1));
  look();
  EXPECT_EQ(reader.calls, 1);
  EXPECT_GT(writer.calls, writes);
  EXPECT_TRUE(descriptor.hang_up);
  std::byte buffer[64];
  EXPECT_EQ(kernel->recv(pair[0], buffer), 10) << "what came before the end can be read";
  EXPECT_EQ(kernel->recv(pair[0], buffer), 0);
  kernel->unwatch(descriptor);
}

// limits.md 7.4
// Fault L15
TEST_P(backend, a_descriptor_unwatched_by_an_event_hears_nothing_of_the_same_batch) {
  int other[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
  make_pair();
  Listener second_reader;
  auto second = std::make_unique<Descriptor>();
  second->fd = other[0];
  second->reader = &second_reader;
  ASSERT_EQ(kernel->watch(descriptor), 0);
  ASSERT_EQ(kernel->watch(*second), 0);
  look();
  ASSERT_EQ(::send(pair[1], "x", 1, 0), 1);
  ASSERT_EQ(::send(other[1], "x", 1, 0), 1);
  // Whichever is told first lets go of the other, memory and all.
  reader.then = [&] {
    if (!second) return;
    kernel->unwatch(*second);
    second.reset();
  };
  second_reader.then = [&] { kernel->unwatch(descriptor); };
  look();
  EXPECT_EQ(reader.calls + second_reader.calls, 1);
  if (second) kernel->unwatch(*second);
  kernel->unwatch(descriptor);
  ::close(other[0]);
  ::close(other[1]);
}

// Fault L15
TEST_P(backend, a_number_that_was_closed_unseen_is_the_next_ones) {
  make_pair();
  ASSERT_EQ(kernel->watch(descriptor), 0);
  look();
  const int number = pair[0];
  ::close(pair[0]);  // by somebody who does not know of us
  int other[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
  ASSERT_EQ(other[0], number);
  Descriptor second;
  Listener second_reader;
  second.fd = other[0];
  second.reader = &second_reader;
  ASSERT_EQ(kernel->watch(second), 0);
  const int before = reader.calls;
  kernel->unwatch(descriptor);  // its owner finds out later
  ASSERT_EQ(::send(other[1], "x", 1, 0), 1);
  look();
  EXPECT_EQ(second_reader.calls, 1);
  EXPECT_EQ(reader.calls, before);
  kernel->unwatch(second);
  pair[0] = -1;
  ::close(other[0]);
  ::close(other[1]);
}

// limits.md 7.3: closing is not enough when the descriptor has a copy
TEST_P(backend, an_unwatched_descriptor_is_forgotten_although_a_copy_of_it_lives) {
  make_pair();
  const int copy = ::dup(pair[0]);
  ASSERT_EQ(kernel->watch(descriptor), 0);
  look();
  kernel->unwatch(descriptor);
  kernel->unwatch(descriptor);  // again: no effect
  kernel->close(std::exchange(pair[0], -1));
  ASSERT_EQ(::send(pair[1], "x", 1, 0), 1);
  look();
  EXPECT_EQ(reader.calls, 0);
  ::close(copy);
}

// Fault L18
TEST_P(backend, a_forked_child_leaves_the_parents_poller_alone) {
  make_pair();
  ASSERT_EQ(kernel->watch(descriptor), 0);
  look();
  const pid_t child = ::fork();
  if (child == 0) {
    kernel->unwatch(descriptor);  // must not take it out of the parent's epoll
    ASSERT_EQ(::send(pair[1], "x", 1, 0), 1);
    std::_Exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  look();
  EXPECT_EQ(reader.calls, 1);
  kernel->unwatch(descriptor);
}

TEST_P(backend, calls_that_would_block_or_fail_return_the_errno_negated) {
  make_pair();
  std::byte buffer[16];
  EXPECT_EQ(kernel->recv(pair[0], buffer), -EAGAIN);
  EXPECT_EQ(kernel->recv(-1, buffer), -EBADF);
  EXPECT_EQ(kernel->send(-1, buffer), -EBADF);
  EXPECT_EQ(kernel->bind(-1, {}), -EBADF);
  EXPECT_EQ(kernel->listen(-1, 1), -EBADF);
  SocketAddress peer;
  EXPECT_EQ(kernel->accept(pair[0], peer), -EINVAL);
  EXPECT_EQ(kernel->socket_error(pair[0]), 0);
  EXPECT_EQ(kernel->socket(AF_INET, 9999, 0), -EINVAL);
  Descriptor closed;
  EXPECT_EQ(kernel->watch(closed), -EBADF);
  EXPECT_FALSE(closed.watched);
}

// Fault L17
TEST_P(backend, sending_to_a_peer_that_has_gone_is_an_error_and_no_signal) {
  make_pair();
  ::close(std::exchange(pair[1], -1));
  const std::byte data[1] = {};
  EXPECT_EQ(kernel->send(pair[0], data), -EPIPE);
  const std::span<const std::byte> pieces[1] = {data};
  EXPECT_EQ(kernel->send_many(pair[0], pieces), -EPIPE);
}

TEST_P(backend, sockets_are_non_blocking_and_close_on_exec_also_accepted_ones) {
  const int server = kernel->socket(AF_INET, SOCK_STREAM, 0);
  SocketAddress address;
  ASSERT_TRUE(SocketAddress::parse("127.0.0.1", 0, address));
  ASSERT_EQ(kernel->bind(server, address), 0);
  ASSERT_EQ(kernel->listen(server, 5), 0);
  ASSERT_EQ(kernel->local_address(server, address), 0);
  const int client = kernel->socket(AF_INET, SOCK_STREAM, 0);
  const int connecting = kernel->connect(client, address);
  EXPECT_TRUE(connecting == 0 || connecting == -EINPROGRESS);
  SocketAddress peer;
  int accepted = -EAGAIN;
  while (accepted == -EAGAIN) accepted = kernel->accept(server, peer);
  ASSERT_GE(accepted, 0);
  for (const int fd : {server, client, accepted}) {
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  SocketAddress mine;
  ASSERT_EQ(kernel->local_address(client, mine), 0);
  EXPECT_EQ(mine, peer);
  for (const int fd : {server, client, accepted}) kernel->close(fd);
}

TEST_P(backend, pieces_go_out_in_order_in_one_call) {
  make_pair();
  const std::string_view texts[] = {"one ", "", "two ", "three"};
  std::vector<std::span<const std::byte>> pieces;
  for (const std::string_view text : texts) pieces.push_back(std::as_bytes(std::span(text)));
  EXPECT_EQ(kernel->send_many(pair[0], pieces), 13);
  char buffer[32] = {};
  EXPECT_EQ(::recv(pair[1], buffer, sizeof buffer, 0), 13);
  EXPECT_STREQ(buffer, "one two three");
}

TEST_P(backend, a_job_runs_on_another_thread_and_comes_back) {
  std::thread::id ran_in;
  Job job([&] { ran_in = std::this_thread::get_id(); });
  kernel->submit(job);
  job.returned.wait(0);
  EXPECT_EQ(job.runs, 1);
  EXPECT_NE(ran_in, std::this_thread::get_id());
}

TEST_P(backend, jobs_that_block_do_not_hold_up_others) {
  std::atomic<bool> go{false};
  Job first([&] { go.wait(false); });
  Job second([&] {
    go = true;
    go.notify_all();
  });
  kernel->submit(first);
  kernel->submit(second);  // the first can only end when this one runs
  first.returned.wait(0);
  second.returned.wait(0);
  EXPECT_EQ(first.runs + second.runs, 2);
}

TEST_P(backend, signals_are_blocked_in_worker_threads) {
  bool blocked = false;
  Job job([&] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = ::sigismember(&mask, SIGINT) == 1;
  });
  kernel->submit(job);
  job.returned.wait(0);
  EXPECT_TRUE(blocked);
}

TEST_P(backend, closing_waits_for_jobs_that_run_and_hands_back_the_others_unrun) {
  std::atomic<int> running{0};
  std::atomic<bool> go{false};
  std::vector<std::unique_ptr<Job>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(std::make_unique<Job>([&] {
      running.fetch_add(1);
      running.notify_all();
      go.wait(false);
    }));
    kernel->submit(*jobs.back());
  }
  running.wait(0);
  std::thread releaser([&] {
    // One that has not begun comes back first: closing has begun.
    jobs.back()->returned.wait(0);
    go = true;
    go.notify_all();
  });
  kernel->close_all();
  releaser.join();
  int runs = 0;
  for (const auto& job : jobs) {
    EXPECT_EQ(job->returned, 1);
    runs += job->runs;
  }
  EXPECT_EQ(runs, running);
  EXPECT_LT(runs, 100);
  EXPECT_THROW(kernel->submit(*jobs[0]), RuntimeError);
}

TEST_P(backend, resolves_numbers_and_reports_why_a_name_fails) {
  ResolveQuery query;
  query.host = "127.0.0.1";
  query.service = "80";
  const ResolveAnswer answer = kernel->resolve(query);
  EXPECT_EQ(answer.error, 0);
  ASSERT_EQ(answer.addresses.size(), 1U);
  EXPECT_EQ(answer.addresses[0].to_string(), "127.0.0.1:80");
  query.host = "nosuch.invalid";
  const ResolveAnswer failure = kernel->resolve(query);
  EXPECT_NE(failure.error, 0);
  EXPECT_FALSE(failure.reason.empty());
}

TEST_P(backend, chance_and_clocks) {
  EXPECT_NE(kernel->random(), kernel->random());
  const Nanoseconds before = kernel->now();
  EXPECT_GE(kernel->now(), before);
  EXPECT_GT(kernel->wall_clock_seconds(), 1'700'000'000);
  EXPECT_GT(kernel->descriptor_limit(), 3U);
}

}  // namespace
}  // namespace asyncio
