#include "tools/asyncio/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/report_page.hpp"

namespace asyncio::tool {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kHostile = "http://a/</script><script>alert(\"x\",'{{CSS}}')</script>\x1b[2J";

MeasuredRun run_of(double seconds, std::size_t completed) {
  MeasuredRun run;
  run.seconds = seconds;
  run.cpu_seconds = seconds / 10;
  run.peak_memory_bytes = 12 << 20;
  run.threads = 1;
  run.processes = 1;
  run.completed = completed;
  return run;
}

Report small_report() {
  Report report;
  report.rows = {make_row("sequential", 100, run_of(10, 20)),
                 make_row("asyncio", 100, run_of(0.5, 100))};
  add_ratios(report.rows);
  report.source = "our own server";
  report.command = "asyncio compare";
  report.started_at = "2026-11-20 11:30 UTC";
  report.machine = {"AMD EPYC", 2, std::uint64_t{8} << 30, "Debian, Linux 6.1", "clang 19.1"};
  report.versions = {{"libcurl", "7.88.1"}};
  return report;
}

TEST(report, a_run_cut_short_is_scaled_to_all_items_and_says_so) {
  ReportRow row = make_row("sequential", 500, run_of(10, 100));
  EXPECT_DOUBLE_EQ(row.seconds, 50);
  EXPECT_DOUBLE_EQ(row.cpu_seconds, 5);
  EXPECT_EQ(row.peak_memory_bytes, 12U << 20);
  EXPECT_TRUE(row.extrapolated);
  EXPECT_EQ(row.note, "extrapolated from 100 measured in 10.0 s");
}

TEST(report, a_whole_run_is_reported_as_measured) {
  ReportRow row = make_row("asyncio", 500, run_of(0.5, 500));
  EXPECT_DOUBLE_EQ(row.seconds, 0.5);
  EXPECT_FALSE(row.extrapolated);
  EXPECT_EQ(row.note, "");
}

TEST(report, failures_are_noted_with_the_first_error_also_beside_an_extrapolation) {
  MeasuredRun run = run_of(10, 100);
  run.failures = 3;
  run.first_error = "http://a/: status 500";
  EXPECT_EQ(make_row("threads:8", 100, run).note, "3 failed, first http://a/: status 500");
  EXPECT_EQ(make_row("sequential", 500, run).note,
            "extrapolated from 100 measured in 10.0 s; 3 failed, first http://a/: status 500");
  EXPECT_EQ(make_row("sequential", 500, run).failures, 3U);
}

TEST(report, nothing_completed_is_not_divided_by) {
  ReportRow row = make_row("sequential", 5, run_of(1, 0));
  EXPECT_DOUBLE_EQ(row.seconds, 1);
  EXPECT_FALSE(row.extrapolated);
}

TEST(report, a_known_pace_replaces_measuring_only_beyond_the_bound_and_only_if_it_lasted) {
  using namespace std::chrono_literals;
  EXPECT_TRUE(is_worth_extrapolating(run_of(5, 50), 101, 10s));
  EXPECT_FALSE(is_worth_extrapolating(run_of(5, 50), 100, 10s));
  EXPECT_FALSE(is_worth_extrapolating(run_of(4.9, 49), 1000, 10s));
  EXPECT_TRUE(is_worth_extrapolating(run_of(10, 99), 100, 10s));
  EXPECT_FALSE(is_worth_extrapolating(run_of(10, 99), 100, 0s));
  EXPECT_FALSE(is_worth_extrapolating(run_of(10, 0), 100, 10s));
}

TEST(report, the_median_is_the_run_in_the_middle) {
  EXPECT_DOUBLE_EQ(median_run({run_of(3, 1), run_of(1, 1), run_of(2, 1)}).seconds, 2);
  EXPECT_DOUBLE_EQ(median_run({run_of(4, 1), run_of(1, 1)}).seconds, 1);
  EXPECT_DOUBLE_EQ(median_run({run_of(7, 1)}).seconds, 7);
}

TEST(report, ratios_compare_with_asyncio_at_the_same_n_only) {
  std::vector<ReportRow> rows = {make_row("threads:8", 10, run_of(2, 10)),
                                 make_row("asyncio", 10, run_of(0.5, 10)),
                                 make_row("threads:8", 20, run_of(4, 20))};
  add_ratios(rows);
  EXPECT_EQ(rows[0].ratio_to_asyncio, 4.0);
  EXPECT_EQ(rows[1].ratio_to_asyncio, 1.0);
  EXPECT_EQ(rows[2].ratio_to_asyncio, std::nullopt);
}

TEST(report, the_table_marks_what_is_extrapolated_and_explains_it_below) {
  Report report = small_report();
  report.notes = {"python is left out: no /usr/bin/python3"};
  EXPECT_EQ(render_table(report, {}),
            "arm           n  seconds  vs asyncio   CPU s   memory  threads  processes  failures\n"
            "sequential  100  ~50.000        100x  ~5.000  12.0 MB        1          1         0\n"
            "asyncio     100    0.500       1.00x   0.050  12.0 MB        1          1         0\n"
            "\n"
            "~ sequential, n = 100: extrapolated from 20 measured in 10.0 s\n"
            "python is left out: no /usr/bin/python3\n");
}

TEST(report, csv_begins_with_the_columns_of_the_article) {
  EXPECT_EQ(render_csv(small_report()),
            "n,process,time_taken,ratio_to_asyncio,cpu_seconds,peak_memory_bytes,threads,processes,"
            "failures,extrapolated,note\n"
            "100,sequential,50,100,5,12582912,1,1,0,true,extrapolated from 20 measured in 10.0 s\n"
            "100,asyncio,0.5,1,0.05,12582912,1,1,0,false,\n");
}

TEST(report, json_is_one_document_with_a_row_per_line) {
  std::string json = render_json(small_report());
  EXPECT_THAT(json, HasSubstr(R"("workload": "io",)"));
  EXPECT_THAT(json,
              HasSubstr(R"({"arm": "asyncio", "n": 100, "seconds": 0.5, "ratio_to_asyncio": 1, )"
                        R"("cpu_seconds": 0.05, "peak_memory_bytes": 12582912, "threads": 1, )"
                        R"("processes": 1, "failures": 0, "extrapolated": false, "note": ""})"));
  EXPECT_THAT(json, HasSubstr(R"("notes": [],)"));
}

TEST(report, a_ratio_that_is_unknown_is_null_in_json_and_empty_in_csv) {
  Report report;
  report.rows = {make_row("threads:8", 10, run_of(2, 10))};
  EXPECT_THAT(render_json(report), HasSubstr(R"("ratio_to_asyncio": null)"));
  EXPECT_THAT(render_csv(report), HasSubstr("10,threads:8,2,,0.2,"));
}

TEST(report, numbers_are_plain) {
  EXPECT_EQ(plain_number(0), "0");
  EXPECT_EQ(plain_number(0.1), "0.1");
  EXPECT_EQ(plain_number(1e-9), "0");
  EXPECT_EQ(plain_number(-1e-9), "0");
  EXPECT_EQ(plain_number(123456789.125), "123456789.125");
  EXPECT_EQ(plain_number(100), "100");
}

TEST(report_page, a_hostile_address_stays_text_wherever_it_stands) {
  Report report = small_report();
  std::string harmless = render_page(report);
  report.source = report.command = kHostile;
  report.rows[0].note = report.rows[0].arm = kHostile;
  report.notes = {kHostile};
  report.versions.emplace_back(kHostile, kHostile);
  std::string page = render_page(report);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  auto count_scripts = [](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = text.find("<script"); at != std::string::npos;
         at = text.find("<script", at + 1)) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(count_scripts(page), count_scripts(harmless));
}

TEST(report_page, carries_everything_and_loads_nothing) {
  std::string page = render_page(small_report());
  EXPECT_THAT(page, HasSubstr("Chart.js v3"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(page, Not(HasSubstr(" src=")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
}

TEST(report_page, the_headline_is_the_fastest_arm_that_did_everything) {
  Report report = small_report();
  EXPECT_EQ(headline(report).text, "100 pages in 0.50 s");
  EXPECT_EQ(headline(report).by, "with asyncio");
  report.workload = Workload::cpu;
  report.rows.push_back(make_row("threads:8", 100, run_of(0.25, 100)));
  EXPECT_EQ(headline(report).text, "100 jobs in 0.25 s");
  EXPECT_EQ(headline(report).by, "with threads:8");
  report.rows.back().failures = 1;
  EXPECT_EQ(headline(report).by, "with asyncio");
}

TEST(report_page, without_a_whole_run_the_headline_boasts_of_nothing) {
  Report report = small_report();
  report.rows[1].failures = 100;
  EXPECT_EQ(headline(report).text, "100 pages");
  EXPECT_EQ(headline(report).by, "no arm did all of it");
  EXPECT_EQ(headline({}).text, "Nothing was measured");
  EXPECT_NO_THROW(render_page({}));
}

TEST(report_page, a_template_is_filled_in_one_pass) {
  EXPECT_EQ(fill_template("a {{X}} b {{Y}}", {{"X", "{{Y}}"}, {"Y", "2"}}), "a {{Y}} b 2");
  EXPECT_EQ(fill_template("no end {{X", {}), "no end {{X");
  EXPECT_THROW(fill_template("{{Z}}", {}), ToolError);
}

}  // namespace
}  // namespace asyncio::tool
