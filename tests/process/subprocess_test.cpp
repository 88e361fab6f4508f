// Child processes of the real kernel; every wait is for an event. The ids are CPython 3.15's.
#include "asyncio/process/subprocess.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "asyncio/asyncio.hpp"
#include "asyncio/streams/pipe.hpp"
#include "asyncio/testing/simulated_backend.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using subprocess::DEVNULL;
using subprocess::PIPE;
using subprocess::STDOUT;
using test::thrown_by;
using ::testing::HasSubstr;

class process : public test::SocketTest {
 protected:
  void TearDown() override {
    SocketTest::TearDown();
    EXPECT_TRUE(::waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD)
        << "a child is left";
  }
};

// A child that runs until it is told to end, and says when it has begun.
Coro<Process> start_cat() {
  co_return co_await create_subprocess_exec("cat", {.stdin = PIPE, .stdout = PIPE});
}

// CPython: test_subprocess::SubprocessMixin::test_stdin_stdout
TEST_F(process, talks_through_its_pipes) {
  auto main = []() -> Coro<> {
    Process cat = co_await start_cat();
    EXPECT_GT(cat.pid(), 0);
    EXPECT_EQ(cat.returncode(), std::nullopt);
    EXPECT_FALSE(cat.stderr.has_value());
    cat.stdin->write("one\n");
    co_await cat.stdin->drain();
    EXPECT_EQ(co_await cat.stdout->readline(), "one\n");
    cat.stdin->write("two\n");
    EXPECT_EQ(co_await cat.stdout->readline(), "two\n");
    cat.stdin->close();
    EXPECT_EQ(co_await cat.stdout->read(), "");
    EXPECT_EQ(co_await cat.wait(), 0);
    EXPECT_EQ(cat.returncode(), 0);
    EXPECT_EQ(cat.repr(), "<Process " + std::to_string(cat.pid()) + ">");
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_communicate
TEST_F(process, is_communicated_with) {
  auto main = []() -> Coro<> {
    Process cat = co_await start_cat();
    auto [output, errors] = co_await cat.communicate("some data");
    EXPECT_EQ(output, "some data");
    EXPECT_EQ(errors, "");
    EXPECT_EQ(cat.returncode(), 0);
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_communicate_none_input
TEST_F(process, has_its_stdin_closed_by_communicate_without_input) {
  auto main = []() -> Coro<> {
    Process cat = co_await start_cat();
    auto outcome = co_await cat.communicate();
    EXPECT_EQ(outcome.first, "");
    EXPECT_EQ(cat.returncode(), 0);
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_shell
TEST_F(process, of_the_shell_gives_its_exit_code) {
  auto main = []() -> Coro<int> {
    Process shell = co_await create_subprocess_shell("exit 7");
    co_return co_await shell.wait();
  };
  EXPECT_EQ(run(main()), 7);
}

// Fault P8
TEST_F(process, with_both_pipes_full_does_not_deadlock_in_communicate) {
  auto main = []() -> Coro<> {
    constexpr std::size_t kSize = 1'000'000;
    Process shell = co_await create_subprocess_shell(
        "head -c 1000000 /dev/zero >&2; cat; head -c 1000000 /dev/zero >&2",
        {.stdin = PIPE, .stdout = PIPE, .stderr = PIPE});
    auto [output, errors] = co_await shell.communicate(std::string(kSize, 'i'));
    EXPECT_EQ(output.size(), kSize);
    EXPECT_EQ(errors.size(), 2 * kSize);
    EXPECT_EQ(shell.returncode(), 0);
  };
  run(main());
}

// Fault P8
TEST_F(process, that_floods_stderr_which_nobody_reads_is_stopped_by_the_pipe_and_can_be_killed) {
  auto main = []() -> Coro<int> {
    Process flood = co_await create_subprocess_shell("echo begun; exec cat /dev/zero >&2",
                                                     {.stdout = PIPE, .stderr = PIPE});
    EXPECT_EQ(co_await flood.stdout->readline(), "begun\n");
    flood.kill();
    co_return co_await flood.wait();
  };
  EXPECT_EQ(run(main()), -SIGKILL);
}

// CPython: test_subprocess::SubprocessMixin::test_communicate_ignore_broken_pipe
TEST_F(process, that_does_not_read_its_input_is_no_error_for_communicate) {
  auto main = []() -> Coro<int> {
    Process shell = co_await create_subprocess_shell("exit 3", {.stdin = PIPE});
    co_await shell.communicate(std::string(1 << 20, 'x'));
    co_return *shell.returncode();
  };
  EXPECT_EQ(run(main()), 3);
}

// CPython: test_subprocess::SubprocessMixin::test_stdin_broken_pipe
TEST_F(process, that_does_not_read_its_input_is_a_broken_pipe_for_drain) {
  auto main = []() -> Coro<std::string> {
    Process shell = co_await create_subprocess_exec("true", {.stdin = PIPE});
    shell.stdin->write(std::string(1 << 20, 'x'));
    auto drained = co_await try_(shell.stdin->drain());
    co_await shell.wait();
    co_return test::describe(drained.exception());
  };
  EXPECT_EQ(run(main()), "BrokenPipeError: write: broken pipe");
}

// Rule 2.51
// CPython: test_subprocess::SubprocessMixin::test_wait_even_if_pipe_is_open
TEST_F(process, has_ended_although_its_own_child_holds_the_pipes_open) {
  auto main = []() -> Coro<> {
    // The background child ends with its stdin, which is a copy of the shell's.
    Process shell = co_await create_subprocess_shell("exec 3<&0; cat <&3 & exit 5",
                                                     {.stdin = PIPE, .stdout = PIPE});
    EXPECT_EQ(co_await shell.wait(), 5);
    shell.stdin->write("still heard");
    shell.stdin->close();
    EXPECT_EQ(co_await shell.stdout->read(), "still heard");
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_read_stdout_after_process_exit
TEST_F(process, that_has_ended_can_still_be_read) {
  auto main = []() -> Coro<std::string> {
    Process shell = co_await create_subprocess_shell("echo said; echo more", {.stdout = PIPE});
    co_await shell.wait();
    std::string first = co_await shell.stdout->readline();
    co_return first + co_await shell.stdout->read();
  };
  EXPECT_EQ(run(main()), "said\nmore\n");
}

// CPython: test_subprocess::SubprocessMixin::test_kill
// CPython: test_subprocess::SubprocessMixin::test_terminate
// CPython: test_subprocess::SubprocessMixin::test_send_signal
TEST_F(process, ends_with_the_negative_number_of_its_signal) {
  auto main = []() -> Coro<> {
    Process killed = co_await start_cat();
    killed.kill();
    EXPECT_EQ(co_await killed.wait(), -SIGKILL);
    Process terminated = co_await start_cat();
    terminated.terminate();
    EXPECT_EQ(co_await terminated.wait(), -SIGTERM);
    Process handles = co_await create_subprocess_shell(
        "trap 'echo handled; exit 4' HUP; echo ready; while :; do read line; done",
        {.stdin = PIPE, .stdout = PIPE});
    EXPECT_EQ(co_await handles.stdout->readline(), "ready\n");
    EXPECT_EQ(thrown_by([&] { handles.send_signal(999); }), "OSError: send signal 999 to process " +
                                                                std::to_string(handles.pid()) +
                                                                ": invalid argument");
    handles.send_signal(SIGHUP);
    handles.stdin->close();
    EXPECT_EQ(co_await handles.stdout->readline(), "handled\n");
    EXPECT_EQ(co_await handles.wait(), 4);
  };
  run(main());
}

// Rule 2.51
// CPython: test_subprocess::SubprocessWatcherMixin::test_send_signal_never_targets_reaped_pid
TEST_F(process, that_has_ended_is_signalled_without_effect) {
  auto main = []() -> Coro<> {
    Process gone = co_await create_subprocess_exec("true");
    co_await gone.wait();
    gone.send_signal(SIGTERM);
    gone.terminate();
    gone.kill();
    EXPECT_EQ(gone.returncode(), 0);
  };
  run(main());
}

TEST_F(process, is_waited_for_by_many_tasks) {
  auto main = []() -> Coro<> {
    Process cat = co_await start_cat();
    std::vector<Coro<int>> waits;
    for (int i = 0; i < 5; ++i) waits.push_back(cat.wait());
    auto all = create_task([](std::vector<Coro<int>> of) -> Coro<std::vector<int>> {
      co_return co_await gather(std::move(of));
    }(std::move(waits)));
    co_await sleep(0s);
    cat.stdin->close();
    EXPECT_EQ(co_await all, (std::vector<int>(5, 0)));
    EXPECT_EQ(co_await cat.wait(), 0);
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_cancel_process_wait
TEST_F(process, outlives_a_wait_that_is_cancelled) {
  auto main = []() -> Coro<int> {
    Process cat = co_await start_cat();
    auto waiting = create_task(cat.wait());
    co_await sleep(0s);
    waiting.cancel();
    auto outcome = co_await try_(waiting);
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(cat.returncode(), std::nullopt);
    cat.kill();
    co_return co_await cat.wait();
  };
  EXPECT_EQ(run(main()), -SIGKILL);
}

// Rule 2.51
// CPython: test_subprocess::SubprocessMixin::test_cancel_make_subprocess_transport_exec
// CPython: test_subprocess::SubprocessMixin::test_cancel_post_init
TEST_F(process, whose_creation_is_cancelled_is_killed_and_reaped_before_that_is_told) {
  for (int turns = 0; turns < 6; ++turns) {
    auto main = [&]() -> Coro<bool> {
      auto creating = create_task(create_subprocess_exec("cat", {.stdin = PIPE, .stdout = PIPE}));
      for (int i = 0; i < turns; ++i) co_await sleep(0s);
      creating.cancel();
      auto outcome = co_await try_(creating);
      if (outcome.ok()) {  // it came too late
        outcome.value().kill();
        co_await outcome.value().wait();
      } else {
        EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
        EXPECT_TRUE(::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD);
      }
      co_return true;
    };
    EXPECT_TRUE(run(main())) << turns;
  }
}

TEST_F(process, whose_creation_is_cancelled_when_the_child_runs_is_killed_too) {
  auto main = []() -> Coro<> {
    Process first = co_await start_cat();  // by now there is a worker thread
    auto creating = create_task(create_subprocess_exec("cat", {.stdin = PIPE}));
    co_await sleep(0s);
    // The child is there at the latest when a second one is; its creator has not heard of it.
    const auto children = [] {
      std::size_t count = 0;
      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream file(entry.path() / "children");
        for (std::string pid; file >> pid;) ++count;
      }
      return count;
    };
    while (children() < 2) {
    }
    creating.cancel();
    auto outcome = co_await try_(creating);
    EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
    EXPECT_EQ(children(), 1U);
    first.kill();
    co_await first.wait();
  };
  if (!std::filesystem::exists("/proc/self/task/" + std::to_string(::getpid()) + "/children")) {
    GTEST_SKIP() << "this kernel does not list the children";
  }
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_close_kill_running
TEST_F(process, that_runs_when_the_loop_closes_is_killed_and_reaped) {
  std::optional<Process> cat;
  auto main = [&]() -> Coro<> { cat = co_await start_cat(); };
  run(main());
  const int pid = cat->pid();
  loop().close();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(cat->returncode(), std::nullopt);
  cat->kill();  // to nobody
  auto wait = [&]() -> Coro<int> { co_return co_await cat->wait(); };
  EXPECT_EQ(
      thrown_by([&] { asyncio::run(wait()); }),
      "RuntimeError: process " + std::to_string(pid) + " was killed when its loop was closed");
}

TEST_F(process, whose_handles_have_gone_is_reaped_all_the_same) {
  auto main = []() -> Coro<> {
    int pid = 0;
    {
      Process shell = co_await create_subprocess_exec("true");
      pid = shell.pid();
    }
    // A later child's end comes after: the first one's exit is known by then, or soon.
    while (::kill(pid, 0) == 0) {
      Process other = co_await create_subprocess_exec("true");
      co_await other.wait();
    }
  };
  run(main());
}

// Rule 2.51
// Fault P7
TEST_F(process, whose_exit_somebody_else_took_has_255_and_a_warning) {
  auto main = []() -> Coro<> {
    Process shell = co_await create_subprocess_shell("exit 3");
    int status = 0;
    EXPECT_EQ(::waitpid(shell.pid(), &status, 0), shell.pid());
    EXPECT_EQ(co_await shell.wait(), 255);
  };
  run(main());
  const std::vector<std::string> logs = take_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0], HasSubstr("exit status already read: will report returncode 255"));
}

// Fault P5
// CPython: test_subprocess::SubprocessMixin::test_popen_error
// CPython: test_subprocess::SubprocessMixin::test_popen_error_with_stdin_pipe
TEST_F(process, that_cannot_be_started_fails_with_the_programs_name) {
  const auto failure = [&](std::string_view program, SubprocessOptions options = {}) {
    options.stdin = PIPE;
    return thrown_by([&] { run(create_subprocess_exec(program, options)); });
  };
  EXPECT_EQ(failure("/no/such/program"),
            "FileNotFoundError: exec /no/such/program: no such file or directory");
  EXPECT_EQ(failure("no-such-program"),
            "FileNotFoundError: exec no-such-program: no such file or directory");
  EXPECT_EQ(failure("/proc/self/status"),
            "PermissionError: exec /proc/self/status: permission denied");
  EXPECT_EQ(failure("/"), "PermissionError: exec /: permission denied");
  EXPECT_EQ(failure("true", {.cwd = "/no/such/folder"}),
            "FileNotFoundError: chdir /no/such/folder: no such file or directory");
  EXPECT_EQ(failure("true", {.stdout = 9999}),
            "OSError: set up the descriptors of true: bad file descriptor");
}

// Fault P10
TEST_F(process, gets_its_arguments_as_they_are) {
  auto main = []() -> Coro<std::string> {
    Process printf = co_await create_subprocess_exec("printf", "%s|", "", "$(exit 1); `x` *",
                                                     "with \"quotes\"", {.stdout = PIPE});
    auto outcome = co_await printf.communicate();
    co_return outcome.first;
  };
  EXPECT_EQ(run(main()), "|$(exit 1); `x` *|with \"quotes\"|");
}

// Fault P10
TEST_F(process, refuses_arguments_that_no_program_can_have) {
  const std::string nul("a\0b", 3);
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("true", nul)); }),
            "ValueError: embedded null byte");
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_shell(nul)); }),
            "ValueError: embedded null byte");
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("true", std::string(2 << 20, 'x'))); }),
            "OSError: exec true: argument list too long");
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("")); }),
            "FileNotFoundError: exec: no such file or directory");
  const subprocess::Environment odd = {{"A=B", "c"}};
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("true", {.env = &odd})); }),
            "ValueError: illegal environment variable name");
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("true", {.stdout = STDOUT})); }),
            "ValueError: STDOUT can only be used for stderr");
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("true", {.stdin = -9})); }),
            "ValueError: negative file descriptor");
  EXPECT_EQ(thrown_by([&] { run(create_subprocess_exec("true", {.limit = 0})); }),
            "ValueError: Limit cannot be <= 0");
}

TEST_F(process, takes_any_number_of_arguments_and_a_vector_of_them) {
  auto main = []() -> Coro<> {
    const std::vector<std::string> args = {"%s", "from a vector"};
    Process printf = co_await create_subprocess_exec("printf", args, {.stdout = PIPE});
    auto outcome = co_await printf.communicate();
    EXPECT_EQ(outcome.first, "from a vector");
    Process many = co_await create_subprocess_exec("test", "1", "-eq", "1", "-a", "2", "-eq", "2");
    EXPECT_EQ(co_await many.wait(), 0);
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_devnull_input
// CPython: test_subprocess::SubprocessMixin::test_devnull_output
// CPython: test_subprocess::SubprocessMixin::test_devnull_error
TEST_F(process, may_have_the_null_device_for_its_streams) {
  auto main = []() -> Coro<> {
    Process cat = co_await create_subprocess_exec("cat", {.stdin = DEVNULL, .stdout = PIPE});
    auto first = co_await cat.communicate();
    EXPECT_EQ(first.first, "");
    Process quiet = co_await create_subprocess_shell("echo out; echo err >&2",
                                                     {.stdout = DEVNULL, .stderr = PIPE});
    EXPECT_FALSE(quiet.stdout.has_value());
    auto second = co_await quiet.communicate();
    EXPECT_EQ(second.second, "err\n");
  };
  run(main());
}

TEST_F(process, may_have_its_errors_in_its_output) {
  auto main = []() -> Coro<std::string> {
    Process shell = co_await create_subprocess_shell("echo out; echo err >&2",
                                                     {.stdout = PIPE, .stderr = STDOUT});
    EXPECT_FALSE(shell.stderr.has_value());
    auto outcome = co_await shell.communicate();
    co_return outcome.first;
  };
  EXPECT_EQ(run(main()), "out\nerr\n");
}

TEST_F(process, may_write_to_a_descriptor_of_ours) {
  auto main = []() -> Coro<std::string> {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Process shell = co_await create_subprocess_shell("echo out; echo err >&2",
                                                     {.stdout = ends[1], .stderr = STDOUT});
    ::close(ends[1]);
    StreamReader reader = co_await connect_read_pipe(ends[0]);
    std::string all = co_await reader.read();
    co_await shell.wait();
    co_return all;
  };
  EXPECT_EQ(run(main()), "out\nerr\n");
}

// Fault P6
TEST_F(process, has_only_its_own_descriptors_and_those_it_was_passed) {
  auto main = []() -> Coro<> {
    Process before = co_await start_cat();  // its pipes must not be in the next child
    std::array<int, 2> passed{};
    EXPECT_EQ(::pipe2(passed.data(), O_CLOEXEC), 0);
    const std::vector<int> fds(1, passed[1]);
    Process shell = co_await create_subprocess_shell(
        "for n in $(seq 3 200); do test -e /proc/$$/fd/$n && echo -n $n; done; true",
        {.stdin = DEVNULL, .stdout = PIPE, .pass_fds = fds});
    auto outcome = co_await shell.communicate();
    EXPECT_EQ(outcome.first, std::to_string(passed[1]));
    ::close(passed[0]);
    ::close(passed[1]);
    before.stdin->close();
    co_await before.wait();
  };
  run(main());
}

// CPython: test_subprocess::SubprocessMixin::test_start_new_session
// CPython: test_subprocess::SubprocessMixin::test_process_group
TEST_F(process, may_lead_a_session_or_a_group) {
  auto main = []() -> Coro<> {
    Process session =
        co_await create_subprocess_exec("cat", {.stdin = PIPE, .start_new_session = true});
    EXPECT_EQ(::getsid(session.pid()), session.pid());
    session.kill();
    co_await session.wait();
    Process group = co_await create_subprocess_exec("cat", {.stdin = PIPE, .process_group = 0});
    EXPECT_EQ(::getpgid(group.pid()), group.pid());
    EXPECT_EQ(::getsid(group.pid()), ::getsid(0));
    group.kill();
    co_await group.wait();
  };
  run(main());
}

TEST_F(process, may_have_another_folder_and_other_variables) {
  auto main = []() -> Coro<std::string> {
    subprocess::Environment variables = subprocess::environ_copy();
    variables["COLOUR"] = "green";
    Process shell = co_await create_subprocess_shell(
        "echo $COLOUR in $(pwd)", {.stdout = PIPE, .cwd = "/usr", .env = &variables});
    auto outcome = co_await shell.communicate();
    co_return outcome.first;
  };
  EXPECT_EQ(run(main()), "green in /usr\n");
}

// Fault P9
TEST_F(process, that_writes_more_than_is_taken_is_killed_and_what_came_is_kept) {
  auto main = []() -> Coro<> {
    Process flood = co_await create_subprocess_shell("echo first; exec cat /dev/zero",
                                                     {.stdout = PIPE, .stderr = PIPE});
    auto outcome = co_await try_(flood.communicate({}, {.max_output = 100'000}));
    EXPECT_FALSE(outcome.ok());
    try {
      std::rethrow_exception(outcome.exception());
    } catch (const subprocess::OutputLimitError& error) {
      EXPECT_EQ(error.output.size(), 100'000U);
      EXPECT_EQ(error.output.substr(0, 6), "first\n");
      EXPECT_EQ(error.errors, "");
      EXPECT_EQ(std::string(error.what()),
                flood.repr() + " wrote more than 100000 bytes and was killed");
    }
    EXPECT_EQ(flood.returncode(), -SIGKILL);
    Process enough = co_await create_subprocess_shell("echo first", {.stdout = PIPE});
    auto [output, errors] = co_await enough.communicate({}, {.max_output = 6});
    EXPECT_EQ(output, "first\n");
  };
  run(main());
}

TEST_F(process, has_readers_with_the_limit_of_the_options) {
  auto main = []() -> Coro<std::string> {
    Process shell =
        co_await create_subprocess_shell("echo much too long", {.stdout = PIPE, .limit = 4});
    auto line = co_await try_(shell.stdout->readline());
    co_await shell.wait();
    co_return test::describe(line.exception());
  };
  EXPECT_THAT(run(main()), HasSubstr("ValueError: Separator is"));
}

// Fault P7
TEST_F(process, of_many_each_has_its_own_exit_code) {
  const char* torture = std::getenv("ASYNCIO_TORTURE_RUNS");
  const int rounds = torture != nullptr && *torture != '\0' ? 200 : 6;
  constexpr int kAtOnce = 50;
  auto main = [=]() -> Coro<> {
    for (int round = 0; round < rounds; ++round) {
      std::vector<Coro<int>> all;
      for (int i = 0; i < kAtOnce; ++i) {
        all.push_back([](int code) -> Coro<int> {
          const std::string script = "exit " + std::to_string(code);
          Process shell = co_await create_subprocess_shell(script);
          co_return co_await shell.wait();
        }(i));
      }
      const std::vector<int> codes = co_await gather(std::move(all));
      for (int i = 0; i < kAtOnce; ++i) EXPECT_EQ(codes[static_cast<std::size_t>(i)], i);
    }
  };
  run(main());
}

// Fault P5
TEST_F(process, that_finds_no_descriptors_left_fails_and_leaves_nothing) {
  // A sanitizer that looks at an error's type for the first time needs a descriptor for that.
  EXPECT_NE(test::describe(make_os_error(EMFILE, "open")), "");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto main = []() -> Coro<std::string> {
    rlimit few{};
    ::getrlimit(RLIMIT_NOFILE, &few);
    few.rlim_cur = static_cast<rlim_t>(::dup(0)) + 2;
    ::close(static_cast<int>(few.rlim_cur) - 2);
    ::setrlimit(RLIMIT_NOFILE, &few);
    auto outcome = co_await try_(create_subprocess_exec("true", {.stdin = PIPE, .stdout = PIPE}));
    co_return test::describe(outcome.exception());
  };
  const std::string failure = run(main());
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THAT(failure, HasSubstr("too many open files"));
  EXPECT_THAT(failure, HasSubstr("true"));
}

// A world of no more processes: a limit on their number (RLIMIT_NPROC, a container's) does not bind
// the superuser, who may run this test. Its pipes are pairs of sockets.
class NoMoreProcesses : public testing::SimulatedBackend {
 public:
  int open_pipe(std::array<int, 2>& ends) override { return socket_pair(SOCK_STREAM, ends); }
  int set_blocking(int, bool) override { return 0; }
  int spawn(const SpawnRequest&, int&) override {
    ++attempts;
    return -EAGAIN;
  }
  int attempts = 0;
};

class no_more_processes : public test::QuietTest {};

// Fault P5
TEST_F(no_more_processes, is_an_error_with_the_programs_name_and_leaves_no_pipe) {
  auto world = std::make_unique<NoMoreProcesses>();
  NoMoreProcesses& backend = *world;
  EventLoop loop(std::move(world));
  auto main = [&]() -> Coro<> {
    const SubprocessOptions pipes{.stdin = PIPE, .stdout = PIPE, .stderr = PIPE};
    auto outcome = co_await try_(create_subprocess_exec("true", pipes));
    EXPECT_EQ(test::describe(outcome.exception()),
              "BlockingIOError: fork for true: resource temporarily unavailable");
    EXPECT_EQ(backend.network().open_descriptors(), 0U);
    auto again = co_await try_(create_subprocess_shell("true", pipes));
    EXPECT_FALSE(again.ok());
    EXPECT_EQ(backend.network().open_descriptors(), 0U);
    EXPECT_EQ(backend.attempts, 2);
  };
  loop.run_until_complete(main());
}

// Fault L18
TEST_F(process, of_a_loop_is_no_concern_of_a_forked_copy_of_it) {
  auto main = []() -> Coro<> {
    Process cat = co_await start_cat();
    const int copy = ::fork();
    if (copy == 0) {
      const bool no_loop =
          thrown_by([] { return &get_running_loop(); }) == "RuntimeError: no running event loop";
      ::_exit(no_loop ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(copy, &status, 0), copy);
    EXPECT_EQ(status, 0);
    cat.stdin->write("unharmed\n");
    EXPECT_EQ(co_await cat.stdout->readline(), "unharmed\n");
    cat.stdin->close();
    EXPECT_EQ(co_await cat.wait(), 0);
  };
  run(main());
}

TEST_F(process, works_in_a_loop_of_any_thread) {
  int code = -1;
  std::thread([&] {
    code = asyncio::run([]() -> Coro<int> {
      Process shell = co_await create_subprocess_shell("exit 6");
      co_return co_await shell.wait();
    }());
  }).join();
  EXPECT_EQ(code, 6);
}

}  // namespace
}  // namespace asyncio
