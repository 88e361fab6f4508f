#include "tools/asyncio/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/pipe.hpp"

namespace asyncio::tool {
namespace {

std::string read_all(int fd) {
  std::string text;
  char chunk[256];
  ssize_t got = 0;
  while ((got = ::read(fd, chunk, sizeof chunk)) > 0)
    text.append(chunk, static_cast<std::size_t>(got));
  return text;
}

TEST(child_process, reads_its_input_and_answers_through_its_descriptors) {
  Pipe pipe = make_pipe();
  UniqueFd input = memory_file("input", "question");
  ChildProcess child({"/bin/sh", "-c", "cat <&3 >&4; echo ' answered' >&4"},
                     {.input = input.get(), .report = pipe.write_end.get()});
  pipe.write_end.reset();
  EXPECT_EQ(read_all(pipe.read_end.get()), "question answered\n");
  EXPECT_EQ(child.wait(), "");
}

TEST(child_process, says_how_it_ended_and_what_it_said_last) {
  ChildProcess failing({"/bin/sh", "-c", "echo first >&2; echo 'the \033reason' >&2; exit 3"}, {});
  EXPECT_EQ(failing.wait(), "exit code 3");
  EXPECT_EQ(failing.exit_code(), 3);
  EXPECT_EQ(failing.last_error_line(), "the \\x1breason");
  ChildProcess killed({"/bin/sh", "-c", "kill -9 $$"}, {});
  EXPECT_EQ(killed.wait(), "killed by signal 9");
}

TEST(child_process, one_that_does_not_end_is_ended) {
  ChildProcess child({"/bin/sh", "-c", "exec 4>&-; exec sleep 3600"}, {});
  EXPECT_EQ(child.wait(std::chrono::milliseconds(1)), "did not end by itself");
}

TEST(child_process, a_program_that_is_not_there_is_an_error_at_once) {
  try {
    ChildProcess child({"/nonexistent/program"}, {});
    FAIL();
  } catch (const ToolError& error) {
    EXPECT_STREQ(error.what(), "cannot start /nonexistent/program: No such file or directory");
  }
}

TEST(child_process, nothing_of_its_group_outlives_the_handle) {
  adopt_orphans();
  Pipe pipe = make_pipe();
  {
    // A grandchild that ignores polite signals and would hold the pipe open for an hour.
    ChildProcess child({"/bin/sh", "-c", "trap '' INT TERM; sleep 3600 & echo started >&4; wait"},
                       {.report = pipe.write_end.get()});
    pipe.write_end.reset();
    char byte = 0;
    ASSERT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
  }
  read_all(pipe.read_end.get());  // ends only when the last writer is dead
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace asyncio::tool
