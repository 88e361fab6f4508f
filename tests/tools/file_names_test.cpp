#include "tools/asyncio/file_names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace asyncio::tool {
namespace {

using Names = std::vector<std::string>;

std::string name_of(const std::string& url) { return file_names({url}).front(); }

TEST(file_names, are_the_last_part_of_the_path) {
  EXPECT_EQ(name_of("http://host/a/b/page.html"), "page.html");
  EXPECT_EQ(name_of("http://host/a/b/"), "b");
  EXPECT_EQ(name_of("http://host/a%20b.txt"), "a b.txt");
  EXPECT_EQ(name_of("http://host/page#part"), "page");
}

TEST(file_names, keep_the_query_since_it_makes_another_page) {
  EXPECT_EQ(name_of("http://host/page?id=3"), "page_id=3");
  EXPECT_EQ(name_of("http://host/page?q=a%2Fb"), "page_q=a_b");
}

TEST(file_names, of_the_root_are_the_host) {
  EXPECT_EQ(name_of("http://example.org/"), "example.org");
  EXPECT_EQ(name_of("http://127.0.0.1:8000"), "127.0.0.1_8000");
}

TEST(file_names, never_leave_the_folder) {
  for (const std::string url :
       {"http://host/..", "http://host/a/%2e%2e", "http://host/%2e%2e%2fetc%2fpasswd",
        "http://host/..%5c..%5cboot.ini", "http://host/x/%2Fetc%2Fpasswd", "http://host/%2e",
        "http://host/.bashrc", "http://host/%00", "http://host/a%00b"}) {
    const std::string name = name_of(url);
    EXPECT_EQ(name.find_first_of(std::string_view("/\\\0", 3)), std::string::npos) << url;
    EXPECT_FALSE(name.empty()) << url;
    EXPECT_NE(name.front(), '.') << url;
  }
  EXPECT_EQ(safe_file_name("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(safe_file_name(".."), "__");
  EXPECT_EQ(safe_file_name("."), "_");
  EXPECT_EQ(safe_file_name(""), "_");
}

TEST(file_names, hold_nothing_that_a_terminal_or_a_shell_would_obey) {
  EXPECT_EQ(name_of("http://host/a%1b%5b31mb%0ac"), "a_[31mb_c");
  EXPECT_EQ(safe_file_name("-rf"), "_rf");
  EXPECT_EQ(safe_file_name("a<b>c|d*e\"f:g?"), "a_b_c_d_e_f_g_");
  EXPECT_EQ(safe_file_name("\xff\xfe name"), "__ name");
  EXPECT_EQ(safe_file_name("gnp.\u202Etxt"), "gnp.___txt") << "one '_' for each byte of the mark";
}

TEST(file_names, are_no_devices_of_windows_and_do_not_end_in_a_dot) {
  EXPECT_EQ(safe_file_name("con"), "_con");
  EXPECT_EQ(safe_file_name("NUL.txt"), "_NUL.txt");
  EXPECT_EQ(safe_file_name("Lpt1"), "_Lpt1");
  EXPECT_EQ(safe_file_name("console"), "console");
  EXPECT_EQ(safe_file_name("name."), "name_");
}

TEST(file_names, that_are_too_long_are_cut_and_keep_their_ending) {
  const std::string first = safe_file_name(std::string(5000, 'a') + "1.tar.gz");
  const std::string second = safe_file_name(std::string(5000, 'a') + "2.tar.gz");
  EXPECT_EQ(first.size(), kLongestFileName);
  EXPECT_TRUE(first.ends_with(".tar.gz")) << first;
  EXPECT_NE(first, second);
  EXPECT_EQ(first, safe_file_name(std::string(5000, 'a') + "1.tar.gz"));
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ä";
  EXPECT_LE(safe_file_name(umlauts).size(), kLongestFileName);
  EXPECT_EQ(safe_file_name("x" + umlauts).find("\xc3-"), std::string::npos) << "half a character";
}

TEST(file_names, that_would_collide_get_the_whole_path) {
  EXPECT_EQ(file_names({"http://h/title/tt1/credits", "http://h/title/tt2/credits", "http://h/x"}),
            (Names{"h_title_tt1_credits", "h_title_tt2_credits", "x"}));
}

TEST(file_names, do_not_depend_on_the_order_unless_addresses_are_alike) {
  const Names urls{"http://h/1/page", "http://h/2/page", "http://h/3/other"};
  Names names = file_names(urls);
  Names backwards = file_names(Names(urls.rbegin(), urls.rend()));
  std::reverse(backwards.begin(), backwards.end());
  EXPECT_EQ(names, backwards);
}

TEST(file_names, are_numbered_when_nothing_else_tells_them_apart) {
  EXPECT_EQ(file_names({"http://h/p.html", "http://h/p.html", "http://h/p.html"}),
            (Names{"h_p.html", "h_p-2.html", "h_p-3.html"}));
}

TEST(file_names, differ_in_more_than_case) {
  const Names names = file_names({"http://h/Page", "http://h/page", "http://h/PAGE"});
  EXPECT_EQ(names, (Names{"h_Page", "h_page-2", "h_PAGE-3"}));
}

TEST(file_names, a_number_never_takes_the_name_of_another_address) {
  const Names names = file_names({"http://h/a", "http://h/a", "http://h/h_a-2", "http://h/h_a"});
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST(file_names, of_what_is_no_address_are_empty) {
  EXPECT_EQ(file_names({"no address", "http://h/a", "also none"}), (Names{"", "a", ""}));
}

}  // namespace
}  // namespace asyncio::tool
