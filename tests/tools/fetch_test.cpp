// run_fetch() against a server that misbehaves on demand.
#include "tools/asyncio/fetch.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "support/descriptors.hpp"
#include "tests/tools/raw_server.hpp"
#include "tests/tools/usage_error.hpp"
#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::Exchange;
using test::RawServer;

// Catches what goes to a descriptor while it lives.
class Redirect {
 public:
  explicit Redirect(int fd)
      : fd_(fd), former_(::dup(fd)), file_(::memfd_create("output", MFD_CLOEXEC)) {
    ::dup2(file_.get(), fd);
  }
  Redirect(const Redirect&) = delete;
  Redirect& operator=(const Redirect&) = delete;
  ~Redirect() { ::dup2(former_.get(), fd_); }
  [[nodiscard]] std::string text() const {
    std::string text(static_cast<std::size_t>(::lseek(file_.get(), 0, SEEK_END)), '\0');
    const ssize_t got = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

 private:
  int fd_;
  UniqueFd former_;
  UniqueFd file_;
};

// The answers of all tests, by path.
void serve(RawServer& server, Exchange exchange) {
  const std::string path = exchange.path();
  if (path == "/missing") return exchange.answer("not here", "404 Not Found");
  if (path == "/garbage") return exchange.send("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  if (path == "/loop") return exchange.answer("", "302 Found", "Location: /loop\r\n");
  if (path == "/moved") return exchange.answer("", "302 Found", "Location: /a\r\n");
  if (path == "/truncated")
    return exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nonly this");
  if (path == "/silent") return server.keep(std::move(exchange));
  if (path == "/reset") {
    exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + std::string(400'000, 'x'));
    return exchange.reset();
  }
  if (path == "/chunks") {
    return exchange.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\nFFFFFFFFFFFFFFFFFF\r\nx");
  }
  if (path == "/endless") {
    exchange.send("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; ++i) exchange.send("X-Field: " + std::string(1000, 'x') + "\r\n");
    return;
  }
  if (path == "/big") return exchange.answer(std::string(1'000'000, 'b'));
  // Answered when the next request has been.
  if (path == "/after") return server.keep(std::move(exchange));
  exchange.answer("body of " + path + "\n");
  for (const Exchange& waiting : server.kept()) {
    if (waiting.path() == "/after") waiting.answer("body of /after\n");
  }
}

class Fetch : public testing::Test {
 protected:
  Fetch() {
    std::string name = (fs::temp_directory_path() / "asyncio_fetch_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    options_.retries = 0;
    options_.timeout = 20s;
  }
  ~Fetch() override { fs::remove_all(folder_); }

  // Runs the fetch of these paths (or whole addresses) and keeps what it prints.
  int fetch(const std::vector<std::string>& paths) {
    const int open_before = test::open_descriptors();
    options_.urls.clear();
    for (const std::string& path : paths) {
      options_.urls.push_back(path.starts_with("/") ? server_.url(path) : path);
    }
    int code = -1;
    {
      Redirect out(STDOUT_FILENO);
      Redirect err(STDERR_FILENO);
      code = run_fetch(options_);
      out_ = out.text();
      err_ = err.text();
    }
    server_.drop_kept();
    // The server may still be closing its end.
    for (int i = 0; i < 100'000 && test::open_descriptors() != open_before; ++i) {
      std::this_thread::yield();
    }
    EXPECT_EQ(test::open_descriptors(), open_before) << "descriptors leaked";
    return code;
  }
  void to_files() { options_.output_folder = folder_ / "out"; }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream file(folder_ / "out" / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "out")) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  using Files = std::set<std::string>;

  RawServer server_{serve};
  FetchOptions options_;
  fs::path folder_;
  std::string out_;
  std::string err_;
};

TEST_F(Fetch, bodies_go_to_stdout_in_the_order_of_the_addresses) {
  EXPECT_EQ(fetch({"/after", "/a", "/b"}), 0) << err_;
  EXPECT_EQ(out_, "body of /after\nbody of /a\nbody of /b\n");
  EXPECT_TRUE(err_.starts_with("3 fetched, ")) << err_;
}

TEST_F(Fetch, a_failed_body_leaves_the_others_in_order) {
  options_.connections = 1;
  EXPECT_EQ(fetch({"/a", "/missing", "/truncated", "/b"}), 1);
  EXPECT_EQ(out_, "body of /a\nbody of /b\n");
}

TEST_F(Fetch, long_bodies_do_not_interleave) {
  options_.connections = 64;
  EXPECT_EQ(fetch({"/big", "/a", "/big"}), 0) << err_;
  EXPECT_EQ(out_, std::string(1'000'000, 'b') + "body of /a\n" + std::string(1'000'000, 'b'));
}

TEST_F(Fetch, files_appear_whole_and_nothing_beside_them) {
  to_files();
  EXPECT_EQ(fetch({"/a", "/big", "/x/c.html", "/y/c.html"}), 0) << err_;
  EXPECT_EQ(out_, "");
  const std::string host = server_.url("").substr(7);
  std::string name = host;
  name[name.find(':')] = '_';
  EXPECT_EQ(files(), (Files{"a", "big", name + "_x_c.html", name + "_y_c.html"}));
  EXPECT_EQ(content("big"), std::string(1'000'000, 'b'));
  EXPECT_EQ(content(name + "_y_c.html"), "body of /y/c.html\n");
}

TEST_F(Fetch, many_addresses_need_few_connections) {
  to_files();
  options_.connections = 3;
  std::vector<std::string> paths;
  for (int i = 0; i < 200; ++i) paths.push_back("/page" + std::to_string(i));
  EXPECT_EQ(fetch(paths), 0) << err_;
  EXPECT_EQ(files().size(), 200U);
}

TEST_F(Fetch, an_existing_file_stays_unless_forced) {
  to_files();
  EXPECT_EQ(fetch({"/a"}), 0);
  std::ofstream(folder_ / "out" / "a") << "mine";
  EXPECT_EQ(fetch({"/a"}), 1);
  EXPECT_NE(err_.find("out/a: file exists"), std::string::npos) << err_;
  EXPECT_EQ(content("a"), "mine");
  options_.force = true;
  EXPECT_EQ(fetch({"/a"}), 0);
  EXPECT_EQ(content("a"), "body of /a\n");
}

TEST_F(Fetch, a_link_is_never_written_through) {
  to_files();
  fs::create_directory(folder_ / "out");
  std::ofstream(folder_ / "precious") << "mine";
  fs::create_symlink("../precious", folder_ / "out" / "a");
  fs::create_symlink("../nothing", folder_ / "out" / "b");
  EXPECT_EQ(fetch({"/a", "/b"}), 1);
  options_.force = true;
  EXPECT_EQ(fetch({"/a"}), 0);
  EXPECT_FALSE(fs::is_symlink(folder_ / "out" / "a"));
  std::ifstream precious(folder_ / "precious");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(precious), {}), "mine");
  EXPECT_FALSE(fs::exists(folder_ / "nothing"));
}

TEST_F(Fetch, an_address_with_dots_stays_in_the_folder) {
  to_files();
  EXPECT_EQ(fetch({"/x/%2e%2e%2fevil", "/%2e%2e"}), 0) << err_;
  EXPECT_FALSE(fs::exists(folder_ / "evil"));
  EXPECT_TRUE(files().contains("_._evil") || files().contains("__evil")) << *files().begin();
}

struct BadAnswer {
  const char* path;
  const char* reason;
};
// The test is named after the path; by default, after bytes that differ from run to run.
void PrintTo(const BadAnswer& answer, std::ostream* out) { *out << answer.path; }
class BadAnswers : public Fetch, public testing::WithParamInterface<BadAnswer> {};

TEST_P(BadAnswers, are_failures_that_leave_no_file) {
  to_files();
  options_.max_redirects = 5;
  options_.json = true;
  EXPECT_EQ(fetch({GetParam().path}), 1);
  EXPECT_EQ(files(), Files());
  EXPECT_NE(err_.find(std::string("1 failed, ") + GetParam().reason), std::string::npos) << err_;
  EXPECT_NE(err_.find(server_.url(GetParam().path)), std::string::npos) << err_;
  EXPECT_NE(out_.find(std::string("\"reason\": \"") + GetParam().reason), std::string::npos)
      << out_;
  EXPECT_NE(out_.find("\"file\": null"), std::string::npos) << out_;
}

INSTANTIATE_TEST_SUITE_P(Each, BadAnswers,
                         testing::Values(BadAnswer{"/missing", "HTTP 404"},
                                         BadAnswer{"/truncated", "incomplete body"},
                                         BadAnswer{"/reset", "incomplete body"},
                                         BadAnswer{"/chunks", "incomplete body"},
                                         BadAnswer{"/garbage", "not a valid HTTP answer"},
                                         BadAnswer{"/endless", "not a valid HTTP answer"},
                                         BadAnswer{"/loop", "too many redirects"}));

TEST_F(Fetch, a_broken_short_body_does_not_reach_stdout) {
  EXPECT_EQ(fetch({"/truncated"}), 1);
  EXPECT_EQ(out_, "");
}

TEST_F(Fetch, a_body_that_breaks_after_its_beginning_was_written_says_so) {
  options_.connections = 1000;  // 64 KB are kept of each
  EXPECT_EQ(fetch({"/reset"}), 1);
  EXPECT_NE(err_.find("a part of the body is already on standard output"), std::string::npos)
      << err_;
}

TEST_F(Fetch, redirects_are_followed_and_told) {
  options_.json = true;
  EXPECT_EQ(fetch({"/moved"}), 0) << err_;
  EXPECT_NE(out_.find("\"final_url\": \"" + server_.url("/a")), std::string::npos) << out_;
  EXPECT_NE(out_.find("\"bytes\": 11"), std::string::npos) << out_;
}

TEST_F(Fetch, a_slow_server_is_a_timeout) {
  options_.timeout = 20ms;  // in real time, as the next: run_fetch() makes its loop itself
  EXPECT_EQ(fetch({"/silent", "/a"}), 1);
  EXPECT_NE(err_.find("1 failed, timeout: " + server_.url("/silent")), std::string::npos) << err_;
}

TEST_F(Fetch, the_total_timeout_ends_all_and_names_what_was_not_begun) {
  options_.total_timeout = 30ms;
  options_.connections = 1;
  options_.json = true;
  EXPECT_EQ(fetch({"/silent", "/a", "/b"}), 1);
  EXPECT_NE(err_.find("3 failed, total timeout"), std::string::npos) << err_;
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 3) << out_;
}

TEST_F(Fetch, a_refused_port_and_an_unknown_host_are_unreachable) {
  std::string refused;
  {
    const RawServer gone([](RawServer&, Exchange) {});
    refused = gone.url("/");
  }
  EXPECT_EQ(fetch({refused}), 3);
  EXPECT_NE(err_.find("connection refused"), std::string::npos) << err_;
  EXPECT_EQ(fetch({"http://nosuch.invalid/"}), 3);
  EXPECT_NE(err_.find("nosuch.invalid"), std::string::npos) << err_;
  EXPECT_EQ(fetch({refused, "/a"}), 1) << "something was reachable";
}

TEST_F(Fetch, a_malformed_address_is_a_usage_error_where_it_was_typed) {
  EXPECT_EQ(usage_error([this] { fetch({"http://[::1/"}); }).substr(0, 14), "asyncio fetch:");
  EXPECT_NE(usage_error([this] { fetch({"host/page"}); }).find("'host/page'"), std::string::npos);
}

TEST_F(Fetch, a_malformed_line_of_a_file_is_one_failure) {
  options_.input_file = folder_ / "urls.txt";
  std::ofstream(options_.input_file) << server_.url("/a") << "\nhttp://[::1/\x1b[2J\n";
  EXPECT_EQ(fetch({}), 1);
  EXPECT_EQ(out_, "body of /a\n");
  EXPECT_NE(err_.find("1 failed, malformed URL: http://[::1/\\x1b[2J"), std::string::npos) << err_;
}

TEST_F(Fetch, an_unreadable_input_file_is_a_usage_error_that_names_it) {
  options_.input_file = folder_ / "missing.txt";
  EXPECT_NE(usage_error([this] { fetch({}); }).find("missing.txt': No such file"),
            std::string::npos);
}

TEST_F(Fetch, a_header_that_could_split_the_request_is_a_usage_error) {
  options_.headers = {{"X-A", "b\r\nX-C: d"}};
  EXPECT_NE(usage_error([this] { fetch({"/a"}); }).find("--header"), std::string::npos);
}

TEST_F(Fetch, a_folder_that_cannot_be_made_is_an_error_that_names_it) {
  std::ofstream(folder_ / "file") << "x";
  options_.output_folder = folder_ / "file" / "out";
  try {
    fetch({"/a"});
    FAIL();
  } catch (const ToolError& error) {
    EXPECT_NE(std::string(error.what()).find("file/out': Not a directory"), std::string::npos)
        << error.what();
  }
}

// Sets the largest size of a file for a while.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : former_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &former_);
    const rlimit small{bytes, former_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &former_);
    std::signal(SIGXFSZ, former_handler_);
  }

 private:
  rlimit former_{};
  void (*former_handler_)(int);
};

TEST_F(Fetch, a_file_that_cannot_be_written_is_named_with_the_reason) {
  to_files();
  {
    const SmallFiles limit(100'000);
    EXPECT_EQ(fetch({"/big", "/big?2", "/a"}), 1);
  }
  EXPECT_EQ(files(), Files{"a"});
  EXPECT_NE(err_.find("2 failed, file too large, for example "), std::string::npos) << err_;
  EXPECT_NE(err_.find("write " + (folder_ / "out").string() + "/big"), std::string::npos) << err_;
  EXPECT_LT(std::count(err_.begin(), err_.end(), '\n'), 4) << err_;
}

TEST_F(Fetch, a_full_disk_is_one_line_and_leaves_no_part) {
  to_files();
  const std::string out = folder_ / "out";
  fs::create_directory(out);
  if (::mount("tmpfs", out.c_str(), "tmpfs", 0, "size=128k") != 0) {
    GTEST_SKIP() << "mount is not permitted: " << std::strerror(errno);
  }
  const int code = fetch({"/big", "/big?2", "/big?3"});
  const Files left = files();
  ::umount2(out.c_str(), MNT_DETACH);
  EXPECT_EQ(code, 1);
  EXPECT_EQ(left, Files());
  EXPECT_NE(err_.find("3 failed, no space left on device"), std::string::npos) << err_;
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 2) << err_;
}

TEST_F(Fetch, the_summary_tells_no_password) {
  options_.input_file = folder_ / "urls.txt";
  const std::string host = server_.url("/missing").substr(7);
  std::ofstream(options_.input_file) << "http://me:secret@" << host << "\nhttp://me:secret@[/\n";
  EXPECT_EQ(fetch({}), 1);
  EXPECT_EQ(err_.find("secret"), std::string::npos) << err_;
  EXPECT_NE(err_.find("http://" + host), std::string::npos) << err_;
}

TEST_F(Fetch, quiet_says_nothing) {
  options_.quiet = true;
  EXPECT_EQ(fetch({"/missing"}), 1);
  EXPECT_EQ(err_ + out_, "");
}

TEST_F(Fetch, the_same_host_gets_no_more_than_its_share_at_once) {
  options_.connections = 10;
  options_.connections_per_host = 1;
  options_.timeout = 20s;
  // "/after" is answered when the next request has been: with one connection that never comes. So
  // only time can end it.
  options_.total_timeout = 50ms;
  EXPECT_EQ(fetch({"/after", "/a"}), 1);
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace asyncio::tool
