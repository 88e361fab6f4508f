// The program as people run it: arguments in, exit code and texts out.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/tools/json_check.hpp"
#include "tests/tools/raw_server.hpp"
#include "tools/asyncio/pipe.hpp"
#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {
namespace {

namespace fs = std::filesystem;
using test::Exchange;
using test::RawServer;

std::string read_file(int fd) {
  std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

// The program in a process group of its own; ended when the object goes.
class Program {
 public:
  // `arguments` as for a shell, which runs `before` first. stdout goes to `out`, or is kept.
  explicit Program(const std::string& arguments, int out = -1, const std::string& before = "")
      : out_(::memfd_create("out", MFD_CLOEXEC)), err_(::memfd_create("err", MFD_CLOEXEC)) {
    const std::string line = before + "exec \"$0\" " + arguments;
    const char* argv[] = {"/bin/sh", "-c", line.c_str(), ASYNCIO_PROGRAM, nullptr};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::dup2(out >= 0 ? out : out_.get(), STDOUT_FILENO);
      ::dup2(err_.get(), STDERR_FILENO);
      ::execv(argv[0], const_cast<char* const*>(argv));
      ::_exit(127);
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The exit code, or minus the signal that ended it.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  [[nodiscard]] std::string out() const { return read_file(out_.get()); }
  [[nodiscard]] std::string err() const { return read_file(err_.get()); }

 private:
  UniqueFd out_;
  UniqueFd err_;
  pid_t pid_ = -1;
};

class Cli : public testing::Test {
 protected:
  Cli() {
    std::string name = (fs::temp_directory_path() / "asyncio_cli_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Cli() override { fs::remove_all(folder_); }

  void serve(RawServer&, Exchange exchange) {
    if (exchange.path() == "/missing") return exchange.answer("", "404 Not Found");
    if (exchange.path() == "/stop") {
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" +
                    std::string(400'000, 'x'));
      signal_program();
      return server_.keep(std::move(exchange));
    }
    if (exchange.path() == "/big") return exchange.answer(std::string(3'000'000, 'b'));
    exchange.answer("body\n");
  }
  void signal_program() {
    // The program must have taken what it was sent, or else there is nothing to clean up.
    while (target_ == 0) std::this_thread::yield();
    ::kill(target_, signal_);
    stop_was_asked_for_ = true;
  }

  // Runs it to its end; the signal of "/stop" goes to it.
  int run(const std::string& arguments) {
    target_ = 0;
    Program program(arguments);
    target_ = program.pid();
    const int code = program.wait();
    out_ = program.out();
    err_ = program.err();
    return code;
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "'" + server_.url(path) + "'";
  }
  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  std::atomic<pid_t> target_{0};
  std::atomic<bool> stop_was_asked_for_{false};
  int signal_ = SIGINT;
  fs::path folder_;
  std::string out_;
  std::string err_;
  RawServer server_{
      [this](RawServer& self, Exchange exchange) { serve(self, std::move(exchange)); }};
};

TEST_F(Cli, exit_code_0_when_all_is_well) {
  EXPECT_EQ(run("fetch " + url("/a") + " " + url("/b")), 0) << err_;
  EXPECT_EQ(out_, "body\nbody\n");
  EXPECT_TRUE(err_.starts_with("2 fetched, 10 B in ")) << err_;
}

TEST_F(Cli, exit_code_1_when_some_failed) {
  EXPECT_EQ(run("fetch " + url("/a") + " " + url("/missing")), 1);
  EXPECT_EQ(out_, "body\n");
  EXPECT_NE(err_.find("1 failed, HTTP 404 Not Found: "), std::string::npos) << err_;
}

TEST_F(Cli, exit_code_2_and_one_line_for_wrong_usage) {
  for (const char* arguments :
       {"fetch", "fetch --no-such-option http://h/", "fetch ''", "fetch 'http://a b c/'",
        "fetch host/path", "fetch -i /no/such/file", "fetch -c 0 http://h/", "compare --sizes 0",
        "fetch http://h/ -H 'no colon'", "fetch http://h/ --timeout soon", "no-such-command"}) {
    EXPECT_EQ(run(arguments), 2) << arguments;
    EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << arguments << ": " << err_;
    EXPECT_TRUE(err_.starts_with("asyncio")) << err_;
    EXPECT_EQ(out_, "") << arguments;
  }
}

TEST_F(Cli, exit_code_3_when_nothing_is_reachable) {
  EXPECT_EQ(run("fetch --retries 0 http://nosuch.invalid/"), 3);
  EXPECT_NE(err_.find("unknown host"), std::string::npos) << err_;
}

TEST_F(Cli, ctrl_c_ends_with_a_summary_and_without_a_part) {
  EXPECT_EQ(run("fetch -o " + folder_.string() + " " + url("/a") + " " + url("/stop")), 130)
      << err_;
  EXPECT_TRUE(err_.starts_with("interrupted: ")) << err_;
  EXPECT_NE(err_.find(" of 2 fetched"), std::string::npos) << err_;
  EXPECT_LE(files(), 1) << "a part was left";
}

TEST_F(Cli, a_request_to_terminate_is_heard_like_ctrl_c) {
  signal_ = SIGTERM;
  EXPECT_EQ(run("fetch --json " + url("/stop")), 143);
  EXPECT_TRUE(err_.starts_with("interrupted: ")) << err_;
  EXPECT_TRUE(test::JsonCheck::valid(out_)) << out_;
}

TEST_F(Cli, a_lost_terminal_is_heard_too_unless_nohup_was_used) {
  signal_ = SIGHUP;
  EXPECT_EQ(run("fetch --json " + url("/stop")), 129);
  // In real time: without a signal nothing else ends it.
  Program program("fetch --total-timeout 50ms --json " + url("/stop"), -1, "trap '' HUP; ");
  target_ = program.pid();
  EXPECT_EQ(program.wait(), 1) << program.err();
}

TEST_F(Cli, a_second_ctrl_c_ends_it_even_when_nobody_reads_its_output) {
  const Pipe pipe = make_pipe();
  signal_ = 0;  // the server sends none
  Program program("fetch " + url("/big") + " " + url("/stop"), pipe.write_end.get());
  target_ = program.pid();
  pollfd written{pipe.read_end.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&written, 1, 20'000), 1);
  while (!stop_was_asked_for_) std::this_thread::yield();
  ::kill(program.pid(), SIGINT);
  // Two at once would be one. The first has been heard when it gives the connection up.
  ASSERT_TRUE(server_.kept_one_hangs_up());
  ::kill(program.pid(), SIGINT);
  EXPECT_EQ(program.wait(), 130) << program.err();
}

TEST_F(Cli, each_line_of_json_is_an_object) {
  EXPECT_EQ(run("fetch --json --retries 0 " + url("/a") + " " + url("/missing?\"\\") +
                " http://nosuch.invalid/"),
            1);
  std::vector<std::string> lines;
  for (std::size_t at = 0, end = 0; (end = out_.find('\n', at)) != std::string::npos;
       at = end + 1) {
    lines.push_back(out_.substr(at, end - at));
  }
  EXPECT_EQ(lines.size(), 3U) << out_;
  for (const std::string& line : lines) {
    EXPECT_TRUE(test::JsonCheck::valid(line)) << line;
    EXPECT_TRUE(line.starts_with("{\"url\": \"http")) << line;
  }
}

TEST_F(Cli, output_that_cannot_be_written_is_an_error) {
  EXPECT_EQ(run("fetch " + url("/a") + " >&-"), 1);
  EXPECT_NE(err_.find("standard output"), std::string::npos) << err_;
  EXPECT_EQ(run("fetch " + url("/a") + " >/dev/full"), 1);
  EXPECT_NE(err_.find("standard output: no space left on device"), std::string::npos) << err_;
  EXPECT_EQ(run("fetch --json " + url("/a") + " >/dev/full"), 1);
}

TEST_F(Cli, a_reader_that_has_gone_is_an_error_and_no_hang) {
  Pipe pipe = make_pipe();
  Program program("fetch " + url("/big"), pipe.write_end.get());
  pipe.read_end.reset();
  EXPECT_EQ(program.wait(), 1);
  EXPECT_NE(program.err().find("standard output: broken pipe"), std::string::npos) << program.err();
}

TEST_F(Cli, few_descriptors_mean_fewer_connections_and_a_word_about_it) {
  std::ofstream list(folder_ / "urls");
  for (int i = 0; i < 300; ++i) list << server_.url("/" + std::to_string(i)) << "\n";
  list.close();
  const std::string files = (folder_ / "out").string();
  Program program("fetch -c 1000 -i " + (folder_ / "urls").string() + " -o " + files, -1,
                  "ulimit -n 256; ");
  EXPECT_EQ(program.wait(), 0) << program.err();
  const std::string err = program.err();
  EXPECT_NE(err.find("connections at once instead of 300: only 256 files may be open; raise the "
                     "limit with ulimit -n, or use -c\n"),
            std::string::npos)
      << err;
  EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 2) << err;
}

}  // namespace
}  // namespace asyncio::tool
