// What the benchmarks make of their figures: medians, ratios, verdicts, and the three ways to show
// them.
#include "bench/runner/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "bench/runner/chart.hpp"
#include "bench/runner/goals.hpp"
#include "bench/runner/json.hpp"
#include "bench/runner/page.hpp"
#include "bench/runner/results.hpp"
#include "bench/runner/text.hpp"

namespace bench {
namespace {

using ::testing::DoubleEq;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

Figure figure(const std::vector<double>& values) {
  Figure figure;
  for (const double value : values) figure.add(value);
  return figure;
}

// Ours takes 10 ns, the peer 50, in each of two rounds.
ItemReport two_arms() {
  ItemReport report("core", "what it is");
  report.add_arm("ours", ItemReport::Role::ours);
  report.add_arm("peer", ItemReport::Role::peer);
  for (int round = 0; round < 2; ++round) {
    report.add("a row", "ns", "ours", 10);
    report.add("a row", "ns", "peer", 50);
  }
  return report;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(figure, is_the_median_of_its_rounds) {
  EXPECT_THAT(figure({3, 100, 1}).median(), DoubleEq(3));
  EXPECT_THAT(figure({4, 2}).median(), DoubleEq(3));
}

TEST(figure, spreads_half_the_way_from_least_to_greatest) {
  EXPECT_THAT(figure({90, 100, 120}).spread_percent(), DoubleEq(15));
  EXPECT_THAT(figure({0, 0}).spread_percent(), DoubleEq(0));
}

TEST(figure, is_compared_round_by_round_so_that_a_slow_minute_hits_both) {
  EXPECT_THAT(figure({1, 10, 2}).ratio_to(figure({2, 20, 4})), DoubleEq(0.5));
}

TEST(figure, is_compared_by_medians_with_one_of_other_rounds) {
  EXPECT_THAT(figure({1, 2, 3}).ratio_to(figure({8})), DoubleEq(0.25));
}

TEST(goal, is_met_at_its_limit) {
  EXPECT_TRUE(judge(two_arms(), {"a row", "", 10}).met);
  EXPECT_FALSE(judge(two_arms(), {"a row", "", 9.9}).met);
  EXPECT_TRUE(judge(two_arms(), {"a row", "", 10, true}).met);
  EXPECT_FALSE(judge(two_arms(), {"a row", "", 11, true}).met);
}

TEST(goal, may_be_a_ratio_to_a_peer) {
  const Verdict verdict = judge(two_arms(), {"a row", "peer", 0.1});
  EXPECT_TRUE(verdict.measured);
  EXPECT_FALSE(verdict.met);
  EXPECT_THAT(verdict.value, DoubleEq(0.2));
}

TEST(goal, may_be_another_arm_s_than_the_first) {
  ItemReport report = two_arms();
  report.add_arm("ours, leaner", ItemReport::Role::ours);
  report.add("a row", "ns", "ours, leaner", 4);
  const Goal goal{"a row", "", 5, false, "ours, leaner"};
  EXPECT_TRUE(judge(report, goal).met);
  EXPECT_EQ(goal_text(report, goal), "ours, leaner, a row <= 5 ns");
}

TEST(goal, of_what_was_not_measured_is_neither_met_nor_missed) {
  EXPECT_FALSE(judge(two_arms(), {"another row", "", 10}).measured);
  EXPECT_FALSE(judge(two_arms(), {"a row", "absent", 10}).measured);
}

TEST(goal, is_said_with_its_unit_or_peer) {
  EXPECT_EQ(goal_text(two_arms(), {"a row", "", 10}), "a row <= 10 ns");
  EXPECT_EQ(goal_text(two_arms(), {"a row", "peer", 0.93, true}), "a row >= 0.93 x peer");
}

TEST(report, has_a_value_spread_and_ratio_for_each_peer) {
  const auto lines = lines_of(to_text(two_arms()));
  ASSERT_GE(lines.size(), 4U);
  EXPECT_EQ(lines[0], "core: what it is");
  EXPECT_EQ(lines[2], "                 ours      peer  / peer");
  EXPECT_EQ(lines[3], "  a row  ns  10.0 ±0%  50.0 ±0%   0.200");
}

TEST(report, shows_what_an_arm_does_not_have_as_a_dash) {
  ItemReport report = two_arms();
  report.add("ours alone", "B", "ours", 7);
  EXPECT_THAT(lines_of(to_text(report))[4], EndsWith("-       -"));
}

TEST(report, goes_on_below_with_the_arms_that_do_not_fit_a_line) {
  ItemReport report = two_arms();
  for (const char* peer : {"second", "third", "fourth", "fifth", "sixth", "seventh"}) {
    report.add_arm(peer, ItemReport::Role::peer);
    report.add("a row", "ns", peer, 50);
  }
  int tables = 0;
  for (const std::string& line : lines_of(to_text(report))) {
    EXPECT_LE(line.size(), 125U) << line;
    if (line.starts_with("  a row")) {
      EXPECT_THAT(line, HasSubstr("10.0"));
      ++tables;
    }
  }
  EXPECT_EQ(tables, 2);
}

TEST(report, says_which_goals_are_met) {
  ItemReport report = two_arms();
  report.set_goals({{"a row", "", 5}, {"a row", "peer", 0.5}, {"nowhere", "", 1}});
  const std::string text = to_text(report);
  EXPECT_THAT(text, HasSubstr("  not met a row <= 5 ns: 10.0\n"));
  EXPECT_THAT(text, HasSubstr("  met     a row <= 0.5 x peer: 0.200\n"));
  EXPECT_THAT(text, Not(HasSubstr("nowhere")));
}

TEST(report, keeps_details_for_the_page_and_for_programs) {
  ItemReport report = two_arms();
  report.add("messages", "1/s", "ours", 7);
  report.set_detail("messages");
  EXPECT_THAT(to_text(report), Not(HasSubstr("messages")));
  EXPECT_THAT(to_json({report}), HasSubstr("messages"));
  EXPECT_THAT(to_html({report}), HasSubstr("messages"));
}

TEST(report, says_a_note_once) {
  ItemReport report = two_arms();
  report.add_note("Go is left out");
  report.add_note("Go is left out");
  EXPECT_THAT(report.notes().size(), 1U);
}

TEST(json, has_every_value_and_escapes_what_must_be) {
  ItemReport report = two_arms();
  report.add_note("say \"hi\"\\");
  report.set_goals({{"a row", "", 5}, {"nowhere", "", 1}});
  report.set_description({{"machine", "a \"box\""}});
  const std::string json = to_json({report});
  EXPECT_THAT(json, HasSubstr(R"("machine": "a \"box\"")"));
  EXPECT_THAT(json, HasSubstr(R"("peer": {"median": 50, "values": [50, 50]})"));
  EXPECT_THAT(json, HasSubstr(R"("say \"hi\"\\")"));
  EXPECT_THAT(json, HasSubstr(R"({"goal": "a row <= 5 ns", "value": 10, "met": false})"));
  EXPECT_THAT(json, Not(HasSubstr("nowhere")));
}

TEST(json, is_read_back_as_it_was_written) {
  ItemReport report = two_arms();
  report.add("messages", "1/s", "peer", 0.25);
  report.set_detail("messages");
  report.set_growth();
  report.add_note("say \"hi\"\n");
  report.set_description({{"machine", "a box"}, {"date", "today"}});
  const std::string json = to_json({report, two_arms()});
  EXPECT_EQ(to_json(from_json(json)), json);
}

TEST(json, of_something_else_is_refused) {
  for (const char* text : {"", "[", "{}", R"({"items": [{"item": "core"}]})", R"({"items": 1})"}) {
    EXPECT_THROW(from_json(text), std::runtime_error) << text;
  }
}

TEST(results, of_items_that_were_not_measured_again_are_kept) {
  ItemReport old_echo("echo", "before");
  ItemReport new_echo("echo", "now");
  const auto all =
      merge({two_arms(), old_echo, ItemReport("gone", "")}, {new_echo}, {"echo", "tls", "core"});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].title(), "now");
  EXPECT_EQ(all[1].name(), "core");
}

TEST(page, says_of_each_run_once_what_there_is_to_know) {
  ItemReport first = two_arms();
  ItemReport second = two_arms();
  ItemReport third = two_arms();
  first.set_description({{"date", "monday"}});
  second.set_description({{"date", "monday"}});
  third.set_description({{"date", "tuesday"}});
  const std::string page = to_html({first, second, third});
  EXPECT_EQ(page.find("monday"), page.rfind("monday"));
  EXPECT_LT(page.find("monday"), page.find("tuesday"));
}

TEST(chart, has_a_dot_for_each_peer_with_its_multiple_of_ours) {
  const ItemReport report = two_arms();
  const std::string chart = ratio_chart(report, choose_colours({report}));
  EXPECT_THAT(chart, HasSubstr("<title>peer: 50.0 ns, 5.00 times ours</title>"));
}

TEST(chart, has_a_scale_that_fits_what_it_shows) {
  const ItemReport report = two_arms();  // the peer takes five times ours
  const std::string chart = ratio_chart(report, choose_colours({report}));
  for (const char* tick : {">ours<", ">2x<", ">5x<"}) EXPECT_THAT(chart, HasSubstr(tick));
  for (const char* tick : {">0.5x<", ">10x<"}) EXPECT_THAT(chart, Not(HasSubstr(tick)));
}

TEST(chart, leaves_out_rates_and_rows_without_a_peer) {
  ItemReport report("item", "title");
  report.add_arm("ours", ItemReport::Role::ours);
  report.add_arm("peer", ItemReport::Role::peer);
  report.add("messages", "1/s", "ours", 10);
  report.add("messages", "1/s", "peer", 20);
  report.add("memory", "B", "ours", 10);
  EXPECT_THAT(ratio_chart(report, choose_colours({report})), IsEmpty());
}

TEST(chart, of_growth_runs_over_the_last_number_in_the_row) {
  ItemReport report("growth", "title");
  report.add_arm("ours", ItemReport::Role::ours);
  report.add("sleep(0), 100 tasks", "ns", "ours", 8);
  report.add("sleep(0), 1,000,000 tasks", "ns", "ours", 30);
  const std::string charts = growth_charts(report, choose_colours({report}));
  EXPECT_THAT(charts, HasSubstr("sleep(0), N tasks, ns"));
  EXPECT_THAT(charts, HasSubstr("ours: 8.00 ns at 100<"));
  EXPECT_THAT(charts, HasSubstr("ours: 30.0 ns at 1000000<"));
  EXPECT_EQ(charts.find("<svg"), charts.rfind("<svg"));
}

TEST(chart, gives_a_name_one_colour_in_all_items) {
  const Colours colours = choose_colours({two_arms(), two_arms()});
  EXPECT_EQ(colours.size(), 2U);
  EXPECT_NE(colours.at("ours"), colours.at("peer"));
}

TEST(page, shows_names_as_text) {
  ItemReport report("core", "a < b & c");
  report.add_arm("ours", ItemReport::Role::ours);
  report.add("<script>", "ns", "ours", 1);
  const std::string page = to_html({report});
  EXPECT_THAT(page, StartsWith("<!doctype html>"));
  EXPECT_THAT(page, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace bench
