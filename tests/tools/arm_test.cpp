#include "tools/asyncio/arm.hpp"

#include <gtest/gtest.h>

#include "tests/tools/usage_error.hpp"
#include "tools/asyncio/measure.hpp"
#include "tools/asyncio/sizes.hpp"
#include "tools/asyncio/url_list.hpp"

namespace asyncio::tool {
namespace {

using Sizes = std::vector<std::size_t>;

TEST(sizes, a_list_is_sorted_and_holds_each_size_once) {
  EXPECT_EQ(parse_sizes("1,10,50,100,500"), (Sizes{1, 10, 50, 100, 500}));
  EXPECT_EQ(parse_sizes("7"), (Sizes{7}));
  EXPECT_EQ(parse_sizes("50,1,50"), (Sizes{1, 50}));
}

TEST(sizes, a_range_stops_before_its_end_as_in_python) {
  EXPECT_EQ(parse_sizes("50:450:50"), (Sizes{50, 100, 150, 200, 250, 300, 350, 400}));
  EXPECT_EQ(parse_sizes("50:451:50").back(), 450U);
  EXPECT_EQ(parse_sizes("1:4"), (Sizes{1, 2, 3}));
  EXPECT_EQ(parse_sizes("100,1:3"), (Sizes{1, 2, 100}));
}

TEST(sizes, nonsense_is_refused_with_the_piece_that_is_wrong) {
  auto refused = [](const char* text) { return usage_error([&] { parse_sizes(text); }); };
  EXPECT_EQ(refused("0"), "'0' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused("1,,2"), "'' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused("1,x"), "'x' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused("1:9:0"), "'0' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused("9:9"), "the range '9:9' is empty: start:stop:step ends before stop");
  EXPECT_EQ(refused("1:9:2:3"), "'2:3' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused("1:10000000"), "the range '1:10000000' has more than 1,000 sizes");
}

TEST(arms, names_read_back_as_they_print) {
  for (const char* name : {"sequential", "threads:8", "processes:3", "asyncio", "python"}) {
    EXPECT_EQ(to_string(parse_arm(name)), name);
  }
  EXPECT_EQ(to_string(parse_arm("threads")), "threads:8");
}

TEST(arms, wrong_names_and_numbers_are_refused) {
  auto refused = [](const char* text) { return usage_error([&] { parse_arms(text); }); };
  EXPECT_EQ(
      refused("fibers"),
      "'fibers' is not an arm: choose from sequential, threads:K, processes:K, asyncio, python");
  EXPECT_EQ(refused("threads:0"), "'0' is not a whole number from 1 to 1,000");
  EXPECT_EQ(refused("asyncio:2"), "the arm asyncio takes no number");
  EXPECT_EQ(refused("asyncio,asyncio"), "the arm asyncio is named twice");
  EXPECT_EQ(parse_arms("threads:2,threads:4").size(), 2U);
}

TEST(arms, a_job_survives_the_way_to_another_process) {
  ArmJob job;
  job.arm = {ArmKind::threads, 5};
  job.n = 77;
  job.urls = {"http://127.0.0.1:1/a b", "http://[::1]/"};
  job.expected_bytes = 13;
  job.limit = 3;
  job.timeout = std::chrono::milliseconds(1500);
  job.bound = std::chrono::seconds(2);
  ArmJob copy = decode_job(encode_job(job));
  EXPECT_EQ(copy.arm, job.arm);
  EXPECT_EQ(copy.n, job.n);
  EXPECT_EQ(copy.urls, job.urls);
  EXPECT_EQ(copy.expected_bytes, job.expected_bytes);
  EXPECT_EQ(copy.limit, job.limit);
  EXPECT_EQ(copy.timeout, job.timeout);
  EXPECT_EQ(copy.bound, job.bound);
  EXPECT_EQ(copy.url(3), "http://[::1]/");
}

TEST(arms, a_job_that_makes_no_sense_is_refused) {
  EXPECT_THROW(decode_job("workload io\n"), ToolError);
  EXPECT_THROW(decode_job("colour blue\n"), ToolError);
  EXPECT_THROW(decode_job("nospace"), ToolError);
  EXPECT_NO_THROW(decode_job("workload cpu"));
}

TEST(arms, the_first_error_text_is_kept) {
  ArmResult result;
  result.count("");
  result.count("first");
  result.count("second");
  EXPECT_EQ(result.completed, 3U);
  EXPECT_EQ(result.failures, 2U);
  EXPECT_EQ(result.first_error, "first");
}

TEST(arms, a_report_is_complete_only_with_its_last_line) {
  RunReport report;
  for (const char* line :
       {"progress 3 1", "seconds 0.25", "cpu 0.5", "memory 4096", "threads 9", "processes 2",
        "completed 10", "failures 1", "error a b  c", "gibberish"}) {
    report.read_line(line);
  }
  EXPECT_FALSE(report.complete());
  report.read_line("end");
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.done(), 3U);
  EXPECT_EQ(report.failed(), 1U);
  EXPECT_DOUBLE_EQ(report.run().seconds, 0.25);
  EXPECT_DOUBLE_EQ(report.run().cpu_seconds, 0.5);
  EXPECT_EQ(report.run().peak_memory_bytes, 4096U);
  EXPECT_EQ(report.run().threads, 9U);
  EXPECT_EQ(report.run().first_error, "a b  c");
}

TEST(url_list, blank_lines_comments_and_line_ends_are_not_addresses) {
  EXPECT_EQ(parse_url_list("http://a/\r\n\n# no\n  http://b/ \n\t\nhttp://c/"),
            (std::vector<std::string>{"http://a/", "http://b/", "http://c/"}));
}

TEST(url_list, an_unreadable_or_empty_file_is_named) {
  EXPECT_EQ(usage_error([] { read_url_list("/nonexistent/list"); }),
            "cannot read '/nonexistent/list': No such file or directory");
  EXPECT_EQ(usage_error([] { read_url_list("/"); }), "cannot read '/': Is a directory");
  EXPECT_EQ(usage_error([] { read_url_list("/dev/null"); }), "'/dev/null' holds no address");
}

}  // namespace
}  // namespace asyncio::tool
