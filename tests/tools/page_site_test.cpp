#include "tools/asyncio/page_site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "support/descriptors.hpp"
#include "tests/tools/simulated_server.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/page.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Answer {
  int status = 0;
  std::string body;
  std::string type;
};

/// One site with a client at it.
class Visit {
 public:
  Visit(http::Server server, http::ClientSession& session)
      : base_("http://127.0.0.1:" + std::to_string(server.port())), session_(session) {}

  Coro<Answer> get(std::string path) {
    const std::string url = base_ + path;
    http::ClientResponse response = co_await session_.get(url);
    Answer answer;
    answer.status = response.status();
    answer.type = response.content_type();
    answer.body = co_await response.text();
    co_return answer;
  }

 private:
  std::string base_;
  http::ClientSession& session_;
};

void visit(const ServeOptions& options, const std::function<Coro<>(Visit&)>& body) {
  const int before = test::open_descriptors();
  auto main = [&]() -> Coro<> {
    PageSite site(options);
    http::Server server = co_await http::start_server(site.application(), "127.0.0.1", 0);
    http::ClientSession session;
    Visit guest(server, session);
    co_await body(guest);
    co_await server.shutdown(1s);
  };
  // Its clock jumps: a job that takes a minute takes none.
  asyncio::run(main, {.loop_factory = test::simulated_loop});
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(page, has_exactly_the_size_that_was_asked_for) {
  for (const std::uint64_t size : {0, 1, 100, 13 * 1024, 13 * 1024 + 1, 1000000}) {
    EXPECT_EQ(make_page(size).size(), size);
  }
}

TEST(page, of_a_title_is_the_same_each_time_and_escapes_the_title) {
  EXPECT_EQ(make_fullcredits_page("tt2560140", 13000), make_fullcredits_page("tt2560140", 13000));
  EXPECT_NE(make_fullcredits_page("tt2560140", 13000), make_fullcredits_page("tt0137523", 13000));
  EXPECT_THAT(make_fullcredits_page("<script>", 0), ::testing::Not(HasSubstr("<script>")));
}

TEST(page_site, answers_any_path_with_a_page_of_the_size) {
  ServeOptions options;
  options.page_bytes = 4000;
  visit(options, [](Visit& guest) -> Coro<> {
    const Answer answer = co_await guest.get("/page/17");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.type, "text/html");
    EXPECT_EQ(answer.body.size(), 4000U);
    const Answer credits = co_await guest.get("/title/tt2560140/fullcredits");
    EXPECT_THAT(credits.body, HasSubstr("<h1>tt2560140</h1>"));
  });
}

TEST(page_site, a_job_is_202_until_its_time_has_passed_and_then_200) {
  visit({}, [](Visit& guest) -> Coro<> {
    Answer answer = co_await guest.get("/jobs/a?seconds=60");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.body, "{\"id\": \"a\", \"done\": false}\n");
    co_await sleep(59s);
    answer = co_await guest.get("/jobs/a");
    EXPECT_EQ(answer.status, 202);
    co_await sleep(1s);
    answer = co_await guest.get("/jobs/a");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "{\"id\": \"a\", \"done\": true}\n");
  });
}

TEST(page_site, fails_the_share_that_was_asked_for_and_the_same_ones_for_a_seed) {
  ServeOptions options;
  options.fail_share = 0.5;
  options.seed = 7;
  std::string first;
  std::string second;
  for (std::string* outcomes : {&first, &second}) {
    visit(options, [outcomes](Visit& guest) -> Coro<> {
      for (int i = 0; i < 40; ++i) {
        const Answer answer = co_await guest.get("/");
        *outcomes += answer.status == 500 ? 'x' : '.';
      }
    });
  }
  EXPECT_EQ(first, second);
  EXPECT_THAT(first, HasSubstr("x"));
  EXPECT_THAT(first, HasSubstr("."));
}

class ServedFolderTest : public ::testing::Test {
 protected:
  ServedFolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "served-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = name;
    std::filesystem::create_directory(root_ / "public");
    write(root_ / "secret.txt", "secret");
    write(root_ / "public/index.html", "<p>home");
    write(root_ / "public/big.bin", std::string(700'000, 'b'));
    std::filesystem::create_symlink("../secret.txt", root_ / "public/link.txt");
    ::mkfifo((root_ / "public/pipe").c_str(), 0600);
    options_.directory = (root_ / "public").string();
  }
  ~ServedFolderTest() override { std::filesystem::remove_all(root_); }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
  }

  std::filesystem::path root_;
  ServeOptions options_;
};

TEST_F(ServedFolderTest, gives_files_whole_with_their_type_and_index_for_a_folder) {
  visit(options_, [](Visit& guest) -> Coro<> {
    const Answer home = co_await guest.get("/");
    EXPECT_EQ(home.body, "<p>home");
    EXPECT_EQ(home.type, "text/html");
    const Answer big = co_await guest.get("/big.bin");
    EXPECT_EQ(big.body, std::string(700'000, 'b'));
    EXPECT_EQ(big.type, "application/octet-stream");
  });
}

TEST_F(ServedFolderTest, answers_404_to_every_way_out_and_to_what_is_no_file) {
  visit(options_, [](Visit& guest) -> Coro<> {
    for (const char* path :
         {"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/link.txt", "/pipe",
          "/nothing", "/big.bin/x", "/%00", "//etc/passwd", "/./../secret.txt"}) {
      const Answer answer = co_await guest.get(path);
      EXPECT_EQ(answer.status, 404) << path;
    }
  });
}

TEST(served_folder, that_is_none_is_an_error_that_names_it) {
  ServeOptions options;
  options.directory = "/nonexistent/folder";
  try {
    PageSite site(options);
    FAIL() << "no error";
  } catch (const ToolError& e) {
    EXPECT_THAT(e.what(), HasSubstr("/nonexistent/folder"));
  }
}

}  // namespace
}  // namespace asyncio::tool
