// Each check is shown a tiny tree with the fault it exists for: a check that cannot fail is worth
// nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Tree : public ::testing::Test {
 protected:
  Tree() {
    std::string name = fs::temp_directory_path() / "tidy_XXXXXX";
    root = mkdtemp(name.data());
    write("tests/tidy/layers.txt", "0 base\n1 coro loop\n2 task\n7 run\n8 tools\n");
    write("tests/tidy/kernel.txt", "allow src/loop/backend*\nsymbol recv send\n");
  }
  ~Tree() override { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << text;
  }

  static std::vector<std::string> texts(const Findings& findings) {
    std::vector<std::string> result;
    for (const Finding& finding : findings) {
      result.push_back(finding.path + ":" + std::to_string(finding.line) + ": " + finding.what);
    }
    return result;
  }

  fs::path root;
};

using layers = Tree;
using sizes = Tree;
using text = Tree;
using snippets = Tree;
using paths = Tree;
using seam = Tree;
using conformance = Tree;
using names = Tree;
using real_time = Tree;

TEST_F(layers, accept_includes_that_point_down) {
  write("include/asyncio/base/list.hpp", "#include <vector>\n");
  write("include/asyncio/loop/loop.hpp", "#include \"asyncio/base/list.hpp\"\n");
  write("include/asyncio/run/run.hpp", "#include \"asyncio/loop/loop.hpp\"\n");
  write("include/asyncio/asyncio.hpp", "#include \"asyncio/run/run.hpp\"\n");
  write("src/loop/loop.cpp", "#include \"asyncio/loop/loop.hpp\"\n\n#include <sys/epoll.h>\n");
  write("tools/asyncio/main.cpp", "#include <asyncio/asyncio.hpp>\n");
  EXPECT_THAT(check_layers(root), IsEmpty());
}

TEST_F(layers, report_an_include_of_a_higher_row) {
  write("include/asyncio/task/task.hpp", "");
  write("src/base/log.cpp", "// a comment\n#include \"asyncio/task/task.hpp\"\n");
  EXPECT_THAT(texts(check_layers(root)),
              ElementsAre("src/base/log.cpp:2: base (row 0) may not include task (row 2): "
                          "asyncio/task/task.hpp"));
}

TEST_F(layers, report_an_include_of_a_neighbour_in_the_same_row) {
  write("src/coro/frame.hpp", "");
  write("src/loop/loop.cpp", "#include \"coro/frame.hpp\"\n");
  EXPECT_THAT(texts(check_layers(root)),
              ElementsAre(HasSubstr("loop (row 1) may not include coro")));
}

TEST_F(layers, report_a_folder_without_a_row) {
  write("include/asyncio/base/list.hpp", "");
  write("src/misc/misc.cpp", "#include \"asyncio/base/list.hpp\"\n");
  EXPECT_THAT(texts(check_layers(root)), ElementsAre(HasSubstr("'misc' has no row")));
}

TEST_F(layers, report_a_circle_of_files) {
  write("src/base/a.hpp", "#include \"base/b.hpp\"\n");
  write("src/base/b.hpp", "#include \"a.hpp\"\n");
  EXPECT_THAT(texts(check_layers(root)),
              ElementsAre(HasSubstr("src/base/a.hpp -> src/base/b.hpp -> src/base/a.hpp")));
}

TEST_F(layers, accept_the_two_halves_of_a_header) {
  write("src/base/a.hpp", "#include \"base/a_impl.hpp\"\n");
  write("src/base/a_impl.hpp", "#include \"base/a.hpp\"\n");
  EXPECT_THAT(check_layers(root), IsEmpty());
}

TEST_F(layers, report_a_foreign_header_in_a_public_one) {
  write("include/asyncio/loop/loop.hpp", "#include <sys/epoll.h>\n#include <boost/asio.hpp>\n");
  EXPECT_THAT(texts(check_layers(root)),
              ElementsAre(HasSubstr(":1: foreign header 'sys/epoll.h'"),
                          HasSubstr(":2: foreign header 'boost/asio.hpp'")));
}

TEST_F(layers, accept_a_foreign_header_where_the_table_says_so_and_nowhere_else) {
  write("tests/tidy/layers.txt",
        "0 base\n1 loop\nforeign include/asyncio/base/a.hpp cereal/ the reason\n");
  write("include/asyncio/base/a.hpp", "#include <cereal/cereal.hpp>\n#include <boost/asio.hpp>\n");
  write("include/asyncio/base/b.hpp", "#include <cereal/cereal.hpp>\n");
  EXPECT_THAT(texts(check_layers(root)),
              ElementsAre(HasSubstr("a.hpp:2: foreign header 'boost/asio.hpp'"),
                          HasSubstr("b.hpp:1: foreign header 'cereal/cereal.hpp'")));
}
TEST_F(layers, report_an_umbrella_header_inside_the_library) {
  write("include/asyncio/asyncio.hpp", "");
  write("src/run/run.cpp", "#include <asyncio/asyncio.hpp>\n");
  EXPECT_THAT(texts(check_layers(root)),
              ElementsAre(HasSubstr("umbrella headers are for programs")));
}

std::string function_of(int body_lines, const std::string& head = "int f(int x)") {
  std::string text = head + " {\n";
  for (int i = 0; i < body_lines; ++i) text += "  if (x) { g(\"}\"); }  // }\n";
  return text + "}\n";
}

TEST_F(sizes, accept_seventy_lines_and_report_one_more) {
  write("src/base/good.cpp", function_of(68));
  write("src/base/long.cpp", "template <class T>\nstruct S {\n" + function_of(69) + "};\n");
  EXPECT_THAT(texts(check_sizes(root)),
              ElementsAre("src/base/long.cpp:3: f has 71 lines; the limit is 70"));
}

TEST_F(sizes, name_a_test_by_its_suite) {
  write("tests/base/a_test.cpp", function_of(69, "TEST(suite,\n     name)"));
  EXPECT_THAT(texts(check_sizes(root)), ElementsAre(HasSubstr("suite.name has 71 lines")));
}

TEST_F(sizes, do_not_take_a_class_or_a_namespace_for_a_function) {
  std::string members;
  for (int i = 0; i < 80; ++i)
    members += "  int f" + std::to_string(i) + "() const { return 0; }\n";
  write("include/asyncio/base/a.hpp",
        "namespace a {\nclass [[nodiscard(\"x\")]] B {\n" + members + "};\n}\n");
  EXPECT_THAT(check_sizes(root), IsEmpty());
}

TEST_F(sizes, report_a_file_over_eight_hundred_lines) {
  std::string lines;
  for (int i = 0; i < 801; ++i) lines += "int x;\n";
  write("src/base/long.cpp", lines);
  EXPECT_THAT(texts(check_sizes(root)),
              ElementsAre("src/base/long.cpp:0: 801 lines; the limit is 800"));
}

TEST_F(sizes, accept_what_the_list_allows) {
  write("tests/tidy/sizes_allowed.txt", "# reasons\nsrc/base/long.cpp:f a table\n");
  write("src/base/long.cpp", function_of(90));
  EXPECT_THAT(check_sizes(root), IsEmpty());
}

TEST_F(text, reports_tabs_trailing_spaces_and_a_missing_newline) {
  write("src/base/a.cpp", "int a; \n\tint b;\nint c;");
  EXPECT_THAT(texts(check_text(root)),
              ElementsAre("src/base/a.cpp:1: trailing white space", "src/base/a.cpp:2: tab",
                          "src/base/a.cpp:3: no newline at end"));
}

TEST_F(snippets, report_a_difference_and_mend_it) {
  write("examples/hello.cpp", "int main() {\n  // [body]\n  hello();\n  // [/body]\n}\n");
  write("README.md",
        "<!-- include examples/hello.cpp :body -->\n```cpp\nbye();\n```\n"
        "<!-- include examples/hello.cpp 3 -->\n\n```cpp\nhello();\n```\n");
  EXPECT_THAT(texts(check_snippets(root)),
              ElementsAre("README.md:1: differs from examples/hello.cpp; run ./dev format"));
  check_snippets(root, true);
  EXPECT_THAT(check_snippets(root), IsEmpty());
  EXPECT_THAT(read_file(root / "README.md"), HasSubstr("```cpp\nhello();\n```\n"));
}

TEST_F(snippets, know_the_markers_of_python) {
  write("examples/hello.py", "def f():\n    # [body]\n    hello()\n\n\n    # [/body]\n");
  write("README.md", "<!-- include examples/hello.py :body -->\n```python\nhello()\n```\n");
  EXPECT_THAT(check_snippets(root), IsEmpty());
}

TEST_F(snippets, report_a_source_that_does_not_exist) {
  write("examples/a.cpp", "int a;\n");
  write("docs/a.md",
        "<!-- include examples/none.cpp -->\n```\n```\n<!-- include examples/a.cpp :none "
        "-->\n```\n```\n"
        "<!-- include examples/a.cpp -->\ntext\n");
  EXPECT_THAT(
      texts(check_snippets(root)),
      ElementsAre(HasSubstr("docs/a.md:1: no such file"), HasSubstr("docs/a.md:4: no such file"),
                  HasSubstr("docs/a.md:7: no code block follows")));
}

TEST_F(snippets, leave_a_comment_inside_a_code_block_alone) {
  write("docs/a.md", "```text\n<!-- include examples/none.cpp -->\n```\n");
  EXPECT_THAT(check_snippets(root), IsEmpty());
}

TEST_F(paths, report_a_path_that_does_not_exist) {
  write("src/base/log.cpp", "");
  write("README.md",
        "see `src/base/log.cpp:12` and\n`src/base/gone.cpp`, not `src/X/y.cpp` or `src/*`\n");
  EXPECT_THAT(texts(check_paths(root)),
              ElementsAre("README.md:2: no such path: src/base/gone.cpp"));
}

TEST_F(seam, reports_a_kernel_call_outside_the_backend) {
  EXPECT_THAT(
      texts(check_seam(root,
                       "/src/b/asyncio.dir/./src/io/ops.cpp.o:               U recv@GLIBC_2.2.5\n"
                       "/b/asyncio.dir/src/io/ops.cpp.o:                 U memcpy\n"
                       "/b/asyncio.dir/src/loop/backend_epoll.cpp.o:     U send\n")),
      ElementsAre(HasSubstr("src/io/ops.cpp:0: calls recv")));
}

TEST_F(seam, reports_that_there_was_nothing_to_check) {
  EXPECT_THAT(check_seam(root, ""), ::testing::SizeIs(1));
}

constexpr const char* kClocks =
    "virtual LoopTest\nreal SocketTest\nallow tests/a_test.cpp 1 it tests the clock\n";

TEST_F(real_time, is_what_a_thread_sleeps_anywhere) {
  write("tests/b_test.cpp", "class b : public LoopTest {};\nTEST_F(b, x) { sleep_for(t); }\n");
  EXPECT_THAT(texts(check_real_time(root)), ElementsAre(HasSubstr("tests/b_test.cpp:2: waits")));
}

TEST_F(real_time, passes_for_a_test_whose_fixture_is_on_the_kernels_clock) {
  write("tests/tidy/real_time.txt", "virtual LoopTest\nreal SocketTest\n");
  write("tests/b_test.cpp",
        "class slow : public test::SocketTest {};\nusing quick = test::LoopTest;\n\n"
        "TEST_F(slow, a) { co_await sleep(1s); }\n"
        "TEST_F(slow, b) { co_await wait_for(x, 50ms); }  // not sleep(1s)\n"
        "TEST_F(slow, c) { co_await sleep(0s); co_await sleep(1h); wait_for(x, 5s); }\n"
        "TEST_F(quick, d) { co_await sleep(1s); co_await wait_for(x, 50ms); }\n");
  EXPECT_THAT(texts(check_real_time(root)), ElementsAre(HasSubstr("tests/b_test.cpp:4: waits"),
                                                        HasSubstr("tests/b_test.cpp:5: waits")));
}

TEST_F(real_time, passes_where_nothing_names_a_clock) {
  write("tests/tidy/real_time.txt", kClocks);
  write("tests/a_test.cpp", "TEST(a, x) { run(sleep(1ms)); }\n");
  write("tests/b_test.cpp", "TEST(b, x) { run(sleep(1ms)); }\nauto parsed = 200ms;\n");
  EXPECT_THAT(texts(check_real_time(root)), ElementsAre(HasSubstr("tests/b_test.cpp:1: waits")));
}

TEST_F(real_time, may_not_be_allowed_where_none_passes) {
  write("tests/tidy/real_time.txt", kClocks);
  write("tests/a_test.cpp", "TEST(a, x) { run(sleep(0s)); }\n");
  EXPECT_THAT(texts(check_real_time(root)),
              ElementsAre("tests/a_test.cpp:0: waits in 0 lines, and real_time.txt allows 1"));
  fs::remove(root / "tests/a_test.cpp");
  EXPECT_THAT(texts(check_real_time(root)), ElementsAre(HasSubstr("there is no such file")));
}

constexpr const char* kLock =
    "// Rule 2.39\n// CPython: test_locks::LockTests::test_acquire\n// why\n"
    "TEST_F(lock,\n       is_free_at_first) {}\n";

std::string conformance_table(const std::string& rule, const std::string& acquire) {
  return "## Rules\n\n*1 of 1 tested, 0 left out*\n\n| 2.39 Lock | " + rule +
         " |\n\n## Cases\n\n*1 of 2 tested, 1 left out*\n\n"
         "| test_locks::LockTests::test_repr | left out: no repr |\n"
         "| test_locks::LockTests::test_acquire | " +
         acquire + " |\n";
}

TEST_F(conformance, accepts_a_table_that_says_what_the_tests_say) {
  write("tests/sync/lock_test.cpp", kLock);
  write("docs/conformance.md",
        conformance_table("sync.lock.is_free_at_first", "sync.lock.is_free_at_first"));
  EXPECT_THAT(check_conformance(root), IsEmpty());
}

TEST_F(conformance, knows_the_scenarios) {
  write("tests/conformance/sync_test.cpp",
        "// Rule 2.39\n// CPython: test_locks::LockTests::test_acquire\nSCENARIO(locks) {\n}\n");
  const std::string name = "conformance.conformance.locks";
  write("docs/conformance.md", conformance_table(name, name));
  EXPECT_THAT(check_conformance(root), IsEmpty());
}

TEST_F(conformance, reports_a_row_without_a_test_or_a_reason) {
  write("tests/sync/lock_test.cpp", "// Rule 2.39\nTEST(lock, a) {}\n");
  write("docs/conformance.md", conformance_table("sync.lock.a", "sync.lock.gone"));
  EXPECT_THAT(texts(check_conformance(root)),
              ElementsAre(HasSubstr("test_acquire has no test, and the table says not why"),
                          HasSubstr("wrong count")));
}

TEST_F(conformance, reports_other_names_and_mends_them) {
  write("tests/sync/lock_test.cpp", kLock);
  write("docs/conformance.md", conformance_table("sync.lock.old", "left out: later"));
  EXPECT_THAT(texts(check_conformance(root)),
              ElementsAre(HasSubstr("2.39 differs from the tests"),
                          HasSubstr("test_acquire differs from the tests")));
  check_conformance(root, true);
  EXPECT_THAT(check_conformance(root), IsEmpty());
}

TEST_F(conformance, reports_an_id_that_is_not_in_the_table_and_adds_it) {
  write("tests/sync/lock_test.cpp",
        std::string(kLock) + "// CPython: test_locks::LockTests::test_new\nTEST(lock, b) {}\n");
  write("docs/conformance.md",
        conformance_table("sync.lock.is_free_at_first", "sync.lock.is_free_at_first"));
  EXPECT_THAT(texts(check_conformance(root)),
              ElementsAre(HasSubstr("test_new is tested and not"), HasSubstr("wrong count")));
  check_conformance(root, true);
  EXPECT_THAT(check_conformance(root), IsEmpty());
}

TEST_F(conformance, knows_faults_of_which_a_comment_may_name_several) {
  write("tests/io/a_test.cpp", "// Fault S3, L10: both, and why\nTEST(a, b) {}\n");
  write("docs/conformance.md",
        "## Faults\n\n*2 of 2 tested, 0 left out*\n\n| L10 EINTR | io.a.b |\n"
        "| S3 the peer never reads | io.a.b |\n");
  EXPECT_THAT(check_conformance(root), IsEmpty());
  write("tests/io/a_test.cpp", "// Fault of nobody\nTEST(a, b) {}\n");
  EXPECT_THAT(texts(check_conformance(root)),
              ::testing::Contains(HasSubstr("neither `Rule 2.N` nor `Fault X1`")));
}

TEST_F(conformance, reports_a_comment_that_names_nothing) {
  write("tests/sync/lock_test.cpp",
        "// CPython: test_locks::test_acquire\nTEST(lock, a) {}\n"
        "// Rule 2.39\nint x;\n");
  write("docs/conformance.md", "| 2.39 Lock | left out: x |\n");
  const auto found = texts(check_conformance(root));
  EXPECT_THAT(found, ::testing::Contains(
                         HasSubstr(":1: neither `Rule 2.N` nor `Fault X1` nor a test's id")));
  EXPECT_THAT(found, ::testing::Contains(HasSubstr(":4: the comment above names 2.39, and no")));
}

constexpr const char* kNames =
    "## Names\n\n*2 of 3 names*\n\n| Python | C++ | |\n|---|---|---|\n| `gather` | `gather` | |\n"
    "| `loop.time` | `EventLoop::time()`, `clock<T>` | |\n| `spawn` | - | to come |\n";

TEST_F(names, accept_a_table_whose_names_are_used) {
  write("docs/coming-from-python.md", kNames);
  write("tests/run/names_test.cpp", "using asyncio::gather;\nloop.time(); clock<int>();\n");
  EXPECT_THAT(check_names(root), IsEmpty());
}

TEST_F(names, report_one_that_is_not_used) {
  write("docs/coming-from-python.md", kNames);
  write("tests/run/names_test.cpp", "using asyncio::gathered;\nloop.time(); clock<int>();\n");
  EXPECT_THAT(texts(check_names(root)), ElementsAre(HasSubstr("does not use gather")));
}

TEST_F(names, report_a_missing_reason_and_a_wrong_count_and_mend_that) {
  write("docs/coming-from-python.md",
        "*2 of 2 names*\n\n| `gather` | - | |\n| `run` | `run` | |\n");
  write("tests/run/names_test.cpp", "using asyncio::run;\n");
  EXPECT_THAT(texts(check_names(root)),
              ElementsAre(HasSubstr("no name, and no reason why"), HasSubstr("*1 of 2 names*")));
  check_names(root, true);
  EXPECT_THAT(texts(check_names(root)), ElementsAre(HasSubstr("no reason why")));
}

}  // namespace
}  // namespace tidy
