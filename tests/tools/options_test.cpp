#include "tools/asyncio/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/usage_error.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;

std::string refused(const Arguments& arguments) {
  return usage_error([&] { parse_command_line(arguments); });
}

template <class Options>
Options parsed(const Arguments& arguments) {
  return std::get<Options>(parse_command_line(arguments));
}

TEST(options, compare_runs_the_articles_comparison_by_default) {
  auto options = parsed<CompareOptions>({"compare"});
  EXPECT_EQ(options.sizes, (std::vector<std::size_t>{1, 10, 50, 100, 500}));
  EXPECT_EQ(options.arms, parse_arms("sequential,threads:8,processes:8,asyncio,python"));
  EXPECT_EQ(options.delay, 100ms);
  EXPECT_EQ(options.page_bytes, 13U * 1024);
  EXPECT_EQ(options.limit, 100U);
  EXPECT_EQ(options.sequential_bound, 10s);
  EXPECT_EQ(options.command_line, "asyncio compare");
  EXPECT_TRUE(options.progress);
}

TEST(options, compare_reads_every_option) {
  auto options = parsed<CompareOptions>({"compare",
                                         "--sizes",
                                         "50:151:50",
                                         "--arms=threads:2,asyncio",
                                         "--delay",
                                         "1.5s",
                                         "--page-size",
                                         "1k",
                                         "--limit",
                                         "0",
                                         "--url",
                                         "http://a/",
                                         "--url",
                                         "https://b/",
                                         "--timeout",
                                         "2m",
                                         "--sequential-bound",
                                         "0",
                                         "--repeat",
                                         "3",
                                         "--json",
                                         "--csv",
                                         "o.csv",
                                         "--html",
                                         "r.html",
                                         "--no-progress"});
  EXPECT_EQ(options.sizes, (std::vector<std::size_t>{50, 100, 150}));
  EXPECT_EQ(options.arms, parse_arms("threads:2,asyncio"));
  EXPECT_EQ(options.delay, 1500ms);
  EXPECT_EQ(options.page_bytes, 1024U);
  EXPECT_EQ(options.limit, 0U);
  EXPECT_EQ(options.urls, (Arguments{"http://a/", "https://b/"}));
  EXPECT_EQ(options.timeout, 2min);
  EXPECT_EQ(options.sequential_bound, 0s);
  EXPECT_EQ(options.repeat, 3U);
  EXPECT_EQ(options.json_file, "-");
  EXPECT_EQ(options.csv_file, "o.csv");
  EXPECT_EQ(options.html_file, "r.html");
  EXPECT_FALSE(options.progress);
}

TEST(options, an_option_given_twice_means_the_last) {
  EXPECT_EQ(parsed<CompareOptions>({"compare", "--limit", "5", "--limit", "7"}).limit, 7U);
}

TEST(options, every_mistake_is_one_line_that_names_the_option) {
  EXPECT_EQ(refused({"compare", "--sizes", "0"}),
            "asyncio compare: --sizes: '0' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused({"compare", "--sizes"}), "asyncio compare: --sizes: a value is missing");
  EXPECT_EQ(refused({"compare", "--sizes", ""}),
            "asyncio compare: --sizes: '' is not a whole number from 1 to 10,000,000");
  EXPECT_EQ(refused({"compare", "--speed", "9"}), "asyncio compare: unknown option '--speed'");
  EXPECT_EQ(refused({"compare", "extra"}), "asyncio compare: unexpected argument 'extra'");
  EXPECT_EQ(refused({"compare", "--url", "ftp://a/"}),
            "asyncio compare: --url: 'ftp://a/' is not an http:// or https:// address");
  EXPECT_EQ(refused({"compare", "--url", "http://a/\nurl http://b/"}),
            "asyncio compare: --url: 'http://a/\\x0aurl http://b/' is not an http:// or https:// "
            "address");
  EXPECT_EQ(refused({"compare", "--timeout", "0s"}),
            "asyncio compare: --timeout: a timeout of 0 would fail every request");
  EXPECT_EQ(refused({"compare", "--json", "--csv"}),
            "asyncio compare: --json, --csv, --html: only one of them can go to standard output");
  EXPECT_EQ(
      refused({"compare", "--workload", "cpu", "--url", "http://a/"}),
      "asyncio compare: --workload: cpu fetches nothing, so --url and --input have no meaning");
  EXPECT_EQ(refused({"fetch"}), "asyncio fetch: URL: nothing to fetch: give addresses or -i FILE");
  EXPECT_EQ(refused({"fetch", "-c", "0", "http://a/"}),
            "asyncio fetch: --connections: '0' is not a whole number from 1 to 1,000,000");
  EXPECT_EQ(refused({"serve", "--fail", "1"}),
            "asyncio serve: --fail: '1' is not a percentage: write 1% or 0.5%");
  EXPECT_EQ(refused({"serve", "--port", "65536"}),
            "asyncio serve: --port: '65536' is not a whole number from 0 to 65,535");
}

TEST(options, a_wrong_command_is_answered_with_the_right_ones) {
  EXPECT_EQ(refused({}),
            "asyncio: a command is missing: compare, fetch or serve; see asyncio --help");
  EXPECT_EQ(refused({"frob"}), "asyncio: unknown command 'frob': choose compare, fetch or serve");
  EXPECT_EQ(refused({"--frob"}), "asyncio: unknown option '--frob'");
}

TEST(options, hostile_arguments_come_back_escaped_and_short) {
  EXPECT_EQ(refused({"compare", "--\x1b[31m"}), "asyncio compare: unknown option '--\\x1b[31m'");
  EXPECT_EQ(refused({"compare", "--sizes", "\xff"}),
            "asyncio compare: --sizes: '\\xff' is not a whole number from 1 to 10,000,000");
  EXPECT_LT(refused({"compare", "--sizes", std::string(1'000'000, 'x')}).size(), 200U);
  EXPECT_LT(refused({"compare", "--" + std::string(1'000'000, 'x')}).size(), 200U);
}

TEST(options, fetch_reads_addresses_headers_and_limits) {
  auto options = parsed<FetchOptions>({"fetch",
                                       "http://a/",
                                       "-i",
                                       "-",
                                       "-c",
                                       "20",
                                       "--per-host",
                                       "4",
                                       "-o",
                                       "pages",
                                       "--force",
                                       "--retries",
                                       "0",
                                       "--timeout",
                                       "5",
                                       "--total-timeout",
                                       "1m",
                                       "--max-redirects",
                                       "3",
                                       "--json",
                                       "-q",
                                       "-H",
                                       "Accept: text/html",
                                       "-H",
                                       "X-Empty:",
                                       "http://b/"});
  EXPECT_EQ(options.urls, (Arguments{"http://a/", "http://b/"}));
  EXPECT_EQ(options.input_file, "-");
  EXPECT_EQ(options.connections, 20U);
  EXPECT_EQ(options.connections_per_host, 4U);
  EXPECT_EQ(options.output_folder, "pages");
  EXPECT_TRUE(options.force);
  EXPECT_EQ(options.retries, 0U);
  EXPECT_EQ(options.timeout, 5s);
  EXPECT_EQ(options.total_timeout, 1min);
  EXPECT_EQ(options.max_redirects, 3U);
  EXPECT_TRUE(options.json);
  EXPECT_TRUE(options.quiet);
  ASSERT_EQ(options.headers.size(), 2U);
  EXPECT_EQ(options.headers[0], (std::pair<std::string, std::string>{"Accept", "text/html"}));
  EXPECT_EQ(options.headers[1], (std::pair<std::string, std::string>{"X-Empty", ""}));
}

TEST(options, one_host_may_have_all_connections_unless_told_otherwise) {
  EXPECT_EQ(parsed<FetchOptions>({"fetch", "http://a/", "-c", "33"}).connections_per_host, 33U);
  EXPECT_EQ(parsed<FetchOptions>({"fetch", "http://a/", "-o", "-"}).output_folder, "");
}

TEST(options, a_header_with_a_line_break_is_refused) {
  EXPECT_EQ(
      refused({"fetch", "http://a/", "-H", "X: a\r\nEvil: b"}),
      "asyncio fetch: --header: 'X: a\\x0d\\x0aEvil: b' is not a header: write 'Name: value'");
  EXPECT_EQ(refused({"fetch", "http://a/", "-H", ": x"}),
            "asyncio fetch: --header: ': x' is not a header: write 'Name: value'");
}

TEST(options, serve_reads_every_option) {
  auto options = parsed<ServeOptions>(
      {"serve",  "public", "--host", "::1",        "--port", "0",         "--delay",
       "100ms",  "--size", "2k",     "--jitter",   "20ms",   "--fail",    "1%",
       "--seed", "7",      "-q",     "--ready-fd", "4",      "--workers", "3"});
  EXPECT_EQ(options.directory, "public");
  EXPECT_EQ(options.workers, 3U);
  EXPECT_EQ(options.host, "::1");
  EXPECT_EQ(options.port, 0U);
  EXPECT_EQ(options.delay, 100ms);
  EXPECT_EQ(options.jitter, 20ms);
  EXPECT_EQ(options.page_bytes, 2048U);
  EXPECT_DOUBLE_EQ(options.fail_share, 0.01);
  EXPECT_EQ(options.seed, 7U);
  EXPECT_TRUE(options.quiet);
  EXPECT_EQ(options.ready_fd, 4);
  EXPECT_EQ(parsed<ServeOptions>({"serve"}).directory, std::nullopt);
  EXPECT_EQ(parsed<ServeOptions>({"serve"}).workers, 1U);
}

TEST(options, tls_of_serve_needs_a_certificate_or_makes_one) {
  EXPECT_FALSE(parsed<ServeOptions>({"serve"}).tls);
  EXPECT_TRUE(parsed<ServeOptions>({"serve", "--tls"}).tls);
  auto options = parsed<ServeOptions>({"serve", "--tls", "--cert", "c.pem", "--key", "k.pem"});
  EXPECT_EQ(options.cert_file, "c.pem");
  EXPECT_EQ(options.key_file, "k.pem");
  EXPECT_EQ(refused({"serve", "--cert", "c.pem"}), "asyncio serve: --cert, --key: they need --tls");
  EXPECT_EQ(refused({"serve", "--tls", "--key", "k.pem"}), "asyncio serve: --key: it needs --cert");
}

TEST(options, fetch_can_be_told_whom_to_trust) {
  auto options = parsed<FetchOptions>(
      {"fetch", "https://a/", "--cacert", "ca.pem", "--cert", "c.pem", "--key", "k.pem"});
  EXPECT_FALSE(options.insecure);
  EXPECT_EQ(options.ca_file, "ca.pem");
  EXPECT_EQ(options.cert_file, "c.pem");
  EXPECT_EQ(options.key_file, "k.pem");
  EXPECT_TRUE(parsed<FetchOptions>({"fetch", "-k", "https://a/"}).insecure);
  EXPECT_EQ(refused({"fetch", "https://a/", "--key", "k.pem"}),
            "asyncio fetch: --key: it needs --cert");
  EXPECT_EQ(refused({"fetch", "https://a/", "-k", "--cacert", "ca.pem"}),
            "asyncio fetch: --insecure: it trusts everybody, so --cacert has no meaning");
}

TEST(options, jitter_alone_is_half_the_delay_wherever_it_stands) {
  EXPECT_EQ(parsed<ServeOptions>({"serve", "--jitter", "--delay", "100ms"}).jitter, 50ms);
  EXPECT_EQ(parsed<ServeOptions>({"serve", "--delay", "100ms", "--jitter"}).jitter, 50ms);
}

TEST(options, help_belongs_to_its_command_and_shows_examples) {
  EXPECT_THAT(parsed<PrintText>({"--help"}).text, testing::HasSubstr("compare"));
  EXPECT_THAT(parsed<PrintText>({"compare", "--help"}).text,
              testing::AllOf(testing::HasSubstr("--sequential-bound"),
                             testing::HasSubstr("asyncio compare --sizes 50:450:50")));
  EXPECT_THAT(parsed<PrintText>({"fetch", "-h"}).text, testing::HasSubstr("Exit codes"));
  EXPECT_THAT(parsed<PrintText>({"serve", "--help"}).text,
              testing::Not(testing::HasSubstr("--ready-fd")));
  EXPECT_THAT(parsed<PrintText>({"--version"}).text, testing::MatchesRegex("asyncio [0-9.]+\n"));
}

TEST(options, the_command_line_is_kept_as_a_shell_would_read_it) {
  EXPECT_EQ(shell_line({"asyncio", "compare", "--url", "http://a/?x=1&y='z'", ""}),
            R"(asyncio compare --url 'http://a/?x=1&y='\''z'\''' '')");
}

}  // namespace
}  // namespace asyncio::tool
