// Children of the real kernel, with pidfds and without.
#include "loop/child_processes.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "asyncio/loop/spawn_request.hpp"
#include "support/descriptors.hpp"

namespace asyncio::detail {
namespace {

using Means = ChildProcesses::Means;

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG | __WALL) >= 0 || errno != ECHILD; }

class child_processes : public ::testing::TestWithParam<Means> {
 protected:
  void TearDown() override {
    EXPECT_FALSE(has_children()) << "a zombie is left";
    children.reset();
    EXPECT_EQ(test::open_descriptors(), before_) << "descriptors leaked";
  }

  // `script` by the shell; its output, with what it is told, comes through a pipe.
  SpawnRequest shell(const std::string& script) {
    SpawnRequest request;
    request.program = "/bin/sh";
    request.arguments = {"sh", "-c", script};
    return request;
  }
  ChildExit wait(int pidfd) {
    pollfd look{pidfd, POLLIN, 0};
    EXPECT_EQ(::poll(&look, 1, 20'000), 1);
    ChildExit exit;
    EXPECT_EQ(children->reap(pidfd, exit), 0);
    ::close(pidfd);
    return exit;
  }
  // All that a child writes to its standard output.
  std::string output_of(SpawnRequest request) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    request.descriptors.emplace_back(ends[1], 1);
    int pidfd = -1;
    const int pid = children->spawn(request, pidfd);
    EXPECT_GT(pid, 0);
    ::close(ends[1]);
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    if (pid > 0) wait(pidfd);
    return all;
  }

 private:
  int before_ = test::open_descriptors();

 protected:
  std::optional<ChildProcesses> children{std::in_place, GetParam()};
};

INSTANTIATE_TEST_SUITE_P(, child_processes, ::testing::Values(Means::unknown, Means::threads),
                         [](const auto& info) {
                           return info.param == Means::threads ? "threads" : "pidfds";
                         });

TEST_P(child_processes, end_with_their_exit_code_or_their_signal) {
  int pidfd = -1;
  ASSERT_GT(children->spawn(shell("exit 7"), pidfd), 0);
  EXPECT_EQ(wait(pidfd).code, 7);
  ASSERT_GT(children->spawn(shell("kill -TERM $$"), pidfd), 0);
  EXPECT_EQ(wait(pidfd).signal, SIGTERM);
}

TEST_P(child_processes, are_signalled_while_they_live_and_not_afterwards) {
  int pidfd = -1;
  ASSERT_GT(children->spawn(shell("exec sleep 1000"), pidfd), 0);
  ChildExit exit;
  EXPECT_EQ(children->signal(pidfd, SIGKILL), 0);
  EXPECT_EQ(wait(pidfd).signal, SIGKILL);
  EXPECT_EQ(children->signal(pidfd, SIGKILL), -ESRCH);
  EXPECT_EQ(children->reap(pidfd, exit), -ECHILD) << "only once";
}

TEST_P(child_processes, that_still_run_have_no_exit) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  SpawnRequest request = shell("read line");
  request.descriptors = {{ends[0], 0}};
  int pidfd = -1;
  ASSERT_GT(children->spawn(request, pidfd), 0);
  ChildExit exit;
  EXPECT_EQ(children->reap(pidfd, exit), -EAGAIN);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(wait(pidfd).code, 1);
}

// Fault P7
TEST_P(child_processes, whose_exit_somebody_else_took_say_so) {
  int pidfd = -1;
  const int pid = children->spawn(shell("exit 3"), pidfd);
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  ChildExit exit;
  EXPECT_EQ(children->reap(pidfd, exit), -ECHILD);
  ::close(pidfd);
}

// Fault P5
TEST_P(child_processes, that_cannot_be_started_leave_nothing_and_tell_why_and_where) {
  const std::string script =
      ::testing::TempDir() + "/asyncio_no_program_" + std::to_string(::getpid());
  std::ofstream(script) << "this is no program";
  const auto failure = [&](SpawnRequest request) {
    SpawnStep step{};
    request.failed_step = &step;
    int pidfd = -1;
    const int result = children->spawn(request, pidfd);
    return std::pair(result, step);
  };
  SpawnRequest request = shell("exit 0");
  request.program = "/no/such/program";
  EXPECT_EQ(failure(request), std::pair(-ENOENT, SpawnStep::exec));
  request.program = "no_such_program_in_path";
  EXPECT_EQ(failure(request), std::pair(-ENOENT, SpawnStep::exec));
  request.program = "";
  EXPECT_EQ(failure(request), std::pair(-ENOENT, SpawnStep::exec));
  request.program = script;
  EXPECT_EQ(failure(request), std::pair(-EACCES, SpawnStep::exec)) << "not executable";
  ::chmod(script.c_str(), 0700);
  EXPECT_EQ(failure(request), std::pair(-ENOEXEC, SpawnStep::exec)) << "and no shell unless asked";
  request = shell("exit 0");
  request.directory = "/no/such/folder";
  EXPECT_EQ(failure(request), std::pair(-ENOENT, SpawnStep::directory));
  request = shell("exit 0");
  request.descriptors = {{9999, 1}};
  EXPECT_EQ(failure(request), std::pair(-EBADF, SpawnStep::descriptors));
  // Fault P10
  request = shell(std::string(2 << 20, 'x'));
  EXPECT_EQ(failure(request), std::pair(-E2BIG, SpawnStep::exec));
  std::filesystem::remove(script);
}

// Fault P6
TEST_P(child_processes, have_of_our_descriptors_only_those_that_were_listed) {
  const int open_everywhere = ::open("/dev/null", O_RDONLY);  // not close-on-exec, by mistake
  const int wanted = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  SpawnRequest request = shell("cd /proc/self/fd && echo *");
  request.descriptors = {{wanted, 7}};
  EXPECT_EQ(output_of(request), "0 1 2 3 7\n") << "3 is the folder that is listed";
  ::close(open_everywhere);
  ::close(wanted);
}

TEST_P(child_processes, may_have_descriptors_that_cross) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  SpawnRequest request = shell("echo crossed >&" + std::to_string(ends[0]));
  request.descriptors = {{ends[0], ends[1]}, {ends[1], ends[0]}};
  int pidfd = -1;
  ASSERT_GT(children->spawn(request, pidfd), 0);
  EXPECT_EQ(wait(pidfd).code, 0);
  std::array<char, 100> read{};
  EXPECT_EQ(::read(ends[0], read.data(), read.size()), 8);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_P(child_processes, read_nothing_from_the_null_device) {
  SpawnRequest request = shell("cat; echo end");
  request.descriptors = {{SpawnRequest::kNullDevice, 0}};
  EXPECT_EQ(output_of(request), "end\n");
}

// Fault P6
TEST_P(child_processes, begin_with_default_signals_and_none_blocked) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  ::signal(SIGUSR2, SIG_IGN);
  ::signal(SIGHUP, [](int) {});
  SpawnRequest request = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t'");
  EXPECT_EQ(output_of(request), "SigBlk:0000000000000000SigIgn:0000000000000000");
  request.keep_ignored_signals = true;
  EXPECT_EQ(output_of(request), "SigBlk:0000000000000000SigIgn:0000000000000800");
  ::signal(SIGUSR2, SIG_DFL);
  ::signal(SIGHUP, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(child_processes, have_the_environment_and_the_folder_they_are_given) {
  SpawnRequest request = shell("echo $COLOUR in $(pwd)");
  request.environment = {"COLOUR=green", "PATH=/usr/bin:/bin"};
  request.directory = "/usr";
  EXPECT_EQ(output_of(request), "green in /usr\n");
}

TEST_P(child_processes, are_looked_for_in_the_path_of_their_environment) {
  SpawnRequest request = shell("echo found");
  request.program = "sh";
  request.environment = {"PATH=/no/such/folder:/bin"};
  EXPECT_EQ(output_of(request), "found\n");
  request.environment = {"PATH=/no/such/folder"};
  int pidfd = -1;
  EXPECT_EQ(children->spawn(request, pidfd), -ENOENT);
}

TEST_P(child_processes, may_lead_a_session_or_a_group) {
  SpawnRequest request;
  request.program = "cut";
  request.arguments = {"cut", "-d ", "-f1,5,6", "/proc/self/stat"};
  request.new_session = true;
  std::istringstream session(output_of(request));
  int pid = 0;
  int group = 0;
  int id = 0;
  session >> pid >> group >> id;
  EXPECT_EQ(group, pid);
  EXPECT_EQ(id, pid);
  request.new_session = false;
  request.process_group = 0;
  std::istringstream grouped(output_of(request));
  grouped >> pid >> group >> id;
  EXPECT_EQ(group, pid);
  EXPECT_EQ(id, ::getsid(0));
}

TEST_P(child_processes, that_run_when_the_end_comes_are_killed_and_reaped) {
  int pidfd = -1;
  const int pid = children->spawn(shell("exec sleep 1000"), pidfd);
  ASSERT_GT(pid, 0);
  children->end_all();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(children->spawn(shell("exit 0"), pidfd), -ECANCELED) << "also who comes too late";
}

}  // namespace
}  // namespace asyncio::detail
