#include "tools/asyncio/text.hpp"

#include <gtest/gtest.h>

namespace asyncio::tool {
namespace {

TEST(text, nothing_that_steers_a_terminal_gets_through) {
  EXPECT_EQ(escape_controls("a\x1b[31mb\r\n\t\x7f"), "a\\x1b[31mb\\x0d\\x0a\\x09\\x7f");
  EXPECT_EQ(escape_controls("\xc2\x9b"
                            "31m"),
            "\\xc2\\x9b31m");  // C1: a one-byte escape
  EXPECT_EQ(escape_controls("\xe2\x80\xae"
                            "x"),
            "\\xe2\\x80\\xaex");  // right-to-left override
  EXPECT_EQ(escape_controls("\xff\xc0\xaf\xed\xa0\x80"), "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
  EXPECT_EQ(escape_controls("grün 漢字 ≈"), "grün 漢字 ≈");
}

TEST(text, a_long_argument_is_cut_in_an_error_line) {
  std::string shown = quote(std::string(1'000'000, 'a'));
  EXPECT_EQ(display_width(shown), 82U);
  EXPECT_TRUE(shown.ends_with("…'"));
  EXPECT_EQ(quote("x"), "'x'");
}

TEST(text, a_json_string_cannot_end_a_script_block) {
  EXPECT_EQ(json_string("</script><script>"), R"("\u003c/script\u003e\u003cscript\u003e")");
  EXPECT_EQ(json_string("<!--&\"\\"), R"("\u003c!--\u0026\"\\")");
  EXPECT_EQ(json_string("\n\t\x01"), R"("\n\t\u0001")");
  EXPECT_EQ(json_string("\xe2\x80\xa8"), R"("\u2028")");
  EXPECT_EQ(json_string("é\xff"), "\"é\xEF\xBF\xBD\"");
}

TEST(text, html_escapes_text_and_attributes) {
  EXPECT_EQ(html_escape("<a href=\"x\" title='y'>&"),
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
}

TEST(text, csv_quotes_only_what_needs_it) {
  EXPECT_EQ(csv_field("threads:8"), "threads:8");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"hi\"\n"), "\"say \"\"hi\"\"\n\"");
}

TEST(text, width_counts_columns_not_bytes) {
  EXPECT_EQ(display_width("grün"), 4U);
  EXPECT_EQ(display_width("漢字"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(fit("漢字漢字", 5), "漢字…");
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace asyncio::tool
