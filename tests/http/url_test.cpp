#include "asyncio/http/url.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "asyncio/http/errors.hpp"

namespace asyncio::http {
namespace {

std::string normal(std::string_view text) { return Url::parse(text).to_string(); }

/// What is wrong with `text`, "" when nothing is.
std::string problem(std::string_view text) {
  try {
    (void)Url::parse(text);
    return {};
  } catch (const InvalidURL& error) {
    return error.description();
  }
}

TEST(Url, gives_its_parts) {
  const Url url = "https://us%65r:p%3Ass@Example.COM:8443/a/b%2Fc?x=1&y=%20#frag";
  EXPECT_EQ(url.scheme(), "https");
  EXPECT_TRUE(url.is_https());
  EXPECT_EQ(url.userinfo(), "us%65r:p%3Ass");
  EXPECT_EQ(url.user(), "user");
  EXPECT_EQ(url.password(), "p:ss");
  EXPECT_EQ(url.host(), "example.com");
  EXPECT_EQ(url.port(), 8443);
  EXPECT_EQ(url.host_port(), "example.com:8443");
  EXPECT_EQ(url.path(), "/a/b%2Fc");
  EXPECT_EQ(url.query(), "x=1&y=%20");
  EXPECT_EQ(url.fragment(), "frag");
  EXPECT_EQ(url.request_target(), "/a/b%2Fc?x=1&y=%20");
  EXPECT_EQ(url.origin(), "https://example.com:8443");
  EXPECT_EQ(url.without_credentials(), "https://example.com:8443/a/b%2Fc?x=1&y=%20");
  EXPECT_FALSE(url.is_ip_address());
}

TEST(Url, has_empty_parts_where_the_text_has_none) {
  const Url url = "http://host";
  EXPECT_EQ(url.userinfo(), "");
  EXPECT_EQ(url.user(), "");
  EXPECT_EQ(url.password(), "");
  EXPECT_EQ(url.port(), 80);
  EXPECT_EQ(url.host_port(), "host");
  EXPECT_EQ(url.request_target(), "/");
  EXPECT_EQ(url.query(), "");
  EXPECT_EQ(url.fragment(), "");
  EXPECT_EQ(Url("https://host").port(), 443);
}

TEST(Url, keeps_an_ipv6_address_in_brackets_only_where_they_belong) {
  const Url url = "http://[2001:DB8:0:0:0:0:0:1]:8080/";
  EXPECT_EQ(url.host(), "2001:db8::1");
  EXPECT_EQ(url.host_port(), "[2001:db8::1]:8080");
  EXPECT_TRUE(url.is_ip_address());
}

struct Pair {
  const char* given;
  const char* expected;
};

void check_stable(const std::vector<Pair>& pairs) {
  for (const Pair& pair : pairs) {
    SCOPED_TRACE(pair.given);
    EXPECT_EQ(problem(pair.given), "");
    if (!problem(pair.given).empty()) continue;
    EXPECT_EQ(normal(pair.given), pair.expected);
    EXPECT_EQ(normal(normal(pair.given)), pair.expected) << "must be stable";
  }
}

// What WHATWG's URL (node 20.20) makes of the same text, byte for byte.
TEST(Url, agrees_with_whatwg_on_hosts) {
  check_stable({
      {"http://example.com", "http://example.com/"},
      {"HTTP://EXAMPLE.com/Path", "http://example.com/Path"},
      {"https://example.com:443/", "https://example.com/"},
      {"http://example.com:80", "http://example.com/"},
      {"http://example.com:8080/", "http://example.com:8080/"},
      {"http://example.com:/", "http://example.com/"},
      {"http://host:00080/", "http://host/"},
      {"http://127.0.0.1.evil.example/", "http://127.0.0.1.evil.example/"},
      {"http://user:p@ss@host/", "http://user:p%40ss@host/"},
      {"http://user@host/", "http://user@host/"},
      {"http://@host/", "http://host/"},
      {"http://u:p%40x@host/", "http://u:p%40x@host/"},
      {"http://user:pa ss@host/", "http://user:pa%20ss@host/"},
      {"http://us[er@host/", "http://us%5Ber@host/"},
      {"http://good.example\\@evil.example/", "http://good.example/@evil.example/"},
      {"http://good.example@evil.example/", "http://good.example@evil.example/"},
      {"http://[::1]/", "http://[::1]/"},
      {"http://[::1]:8080/", "http://[::1]:8080/"},
      {"http://[2001:DB8:0:0:0:0:0:1]/", "http://[2001:db8::1]/"},
      {"http://[1:0:0:2:0:0:0:3]/", "http://[1:0:0:2::3]/"},
      {"http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"},
      {"http://127.0.0.1/", "http://127.0.0.1/"},
      {"http://b\xc3\xbc"
       "cher.example/",
       "http://xn--bcher-kva.example/"},
      {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"},
      {"http://EXAMPLE\xe3\x80\x82"
       "com/",
       "http://example.com/"},
      {"http://fa\xc3\x9f.de/", "http://xn--fa-hia.de/"},
      {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "http://127.0.0.1/"},
      {"http://exa%6Dple.com/", "http://example.com/"},
      {"http://ex_ample.com/", "http://ex_ample.com/"},
      {"http://example.com./", "http://example.com./"},
      {"http://r3---sn.example.com/", "http://r3---sn.example.com/"},
      {"http://-a.example/", "http://-a.example/"},
      {"http://host:0/", "http://host:0/"},
      {" http://host/ ", "http://host/"},
  });
}

TEST(Url, agrees_with_whatwg_on_paths) {
  check_stable({
      {"http://good.example/\\evil.example", "http://good.example//evil.example"},
      {"http:\\\\host\\path", "http://host/path"},
      {"http://host/a b", "http://host/a%20b"},
      {"http://host/a\"b", "http://host/a%22b"},
      {"http://host/{a}", "http://host/%7Ba%7D"},
      {"http://host/a<b>c", "http://host/a%3Cb%3Ec"},
      {"http://host/\xc3\xa9", "http://host/%C3%A9"},
      {"http://host/%2F%2f%3a", "http://host/%2F%2f%3a"},
      {"http://host/a%2Fb?x=%27%20y", "http://host/a%2Fb?x=%27%20y"},
      {"http://host/?q=a b", "http://host/?q=a%20b"},
      {"http://host/?q=\xc3\xa9", "http://host/?q=%C3%A9"},
      {"http://host/?q=\"x\"", "http://host/?q=%22x%22"},
      {"http://host?q", "http://host/?q"},
      {"http://host#f", "http://host/#f"},
      {"http://host/#a b", "http://host/#a%20b"},
      {"http://host/?a=1&b=2#frag?x", "http://host/?a=1&b=2#frag?x"},
      {"http://host/a/../b", "http://host/b"},
      {"http://host/a/./b/", "http://host/a/b/"},
      {"http://host/../../a", "http://host/a"},
      {"http://host/a/..", "http://host/"},
      {"http://host/a/.", "http://host/a/"},
      {"http://host/..a/.b/c..", "http://host/..a/.b/c.."},
      {"http://host/a//b", "http://host/a//b"},
      {"http://host//a", "http://host//a"},
      {"http://host/a?b/../c", "http://host/a?b/../c"},
      {"http://host/a;b=c,d", "http://host/a;b=c,d"},
      {"http://host/~user/$a!b*(c)", "http://host/~user/$a!b*(c)"},
  });
}

// Where we escape what a browser sends as it is, since RFC 3986 does not allow it; and where a
// browser changes what we leave alone.
TEST(Url, differs_from_whatwg_on_purpose_in_what_it_escapes) {
  check_stable({
      {"http://host/a|b", "http://host/a%7Cb"},
      {"http://host/[a]", "http://host/%5Ba%5D"},
      {"http://host/a^b`c", "http://host/a%5Eb%60c"},
      {"http://host/%zz", "http://host/%25zz"},
      {"http://host/100%", "http://host/100%25"},
      {"http://host/%a", "http://host/%25a"},
      {"http://host/?q=a|b", "http://host/?q=a%7Cb"},
      {"http://host/?a[]=1", "http://host/?a%5B%5D=1"},
      {"http://host/?%", "http://host/?%25"},
      {"http://host/?q='x'", "http://host/?q='x'"},
      {"http://host/%2e%2e/a", "http://host/%2e%2e/a"},
  });
}

// Fault D3
TEST(Url, refuses_what_is_no_url_and_says_why) {
  const std::vector<Pair> pairs = {
      {"", "a URL is needed"},
      {"   ", "a URL is needed"},
      {"http://exa mple.com/", "the host contains a space"},
      {"http://exa%20mple.com/", "the host contains a space"},
      {"http://exa<mple.com/", "the host contains <"},
      {"http://EXAMPLE.COM%2f/", "the host contains /"},
      {"http://host%/", "the host has a % that is no escape"},
      {"http://a%00b/", "the host contains a control byte"},
      {"http://", "the host is empty"},
      {"http:///path", "the host is empty"},
      {"http://user@/", "the host is empty"},
      {"http://./", "the host is empty"},
      {"http://?q", "the host is empty"},
      {"http://a..b/", "the host has an empty label"},
      {"http://.a/", "the host has an empty label"},
      {"http://xn--a/", "the host is not a valid international name"},
      {"http://\xff.example/", "the host is not a valid international name"},
      {"http://[::1/", "the host has a [ without a ]"},
      {"http://[::g]/", "the host is not an IPv6 address"},
      {"http://[1::2::3]/", "the host is not an IPv6 address"},
      {"http://[1:2:3:4:5:6:7:8:9]/", "the host is not an IPv6 address"},
      {"http://[]/", "the host is not an IPv6 address"},
      {"http://[::1%25eth0]/", "the host is an IPv6 address with a zone"},
      {"http://::1/", "an IPv6 address must stand in [ ]"},
      {"http://host:1:2/", "an IPv6 address must stand in [ ]"},
      {"http://example.com:8x/", "the port is not a number"},
      {"http://example.com:-1/", "the port is not a number"},
      {"http://example.com:99999/", "the port is larger than 65535"},
      {"http://example.com:18446744073709551696/", "the port is larger than 65535"},
      {"http:/host", "no // after http:"},
      {"http:host", "no // after http:"},
      {"//host/path", "no scheme; did you mean"},
      {"example.com/path", "no scheme; did you mean http://example.com/path ?"},
      {"localhost:8080/x", "no scheme; did you mean http://localhost:8080/x ?"},
      {"http://host/a\tb", "a control byte (\\t) at position 13"},
      {"http://host/a\r\nX: y", "a control byte (\\r) at position 13"},
      {"http://ho\nst/", "a control byte (\\n) at position 9"},
      {"http://host/\x7f", "a control byte (\\x7f) at position 12"},
  };
  for (const Pair& pair : pairs) {
    EXPECT_TRUE(problem(pair.given).starts_with(pair.expected))
        << pair.given << ": " << problem(pair.given);
  }
  EXPECT_EQ(problem("http://" + std::string(64, 'a') + "/"),
            "the host has a label longer than 63 bytes");
  std::string host;
  for (int i = 0; i < 64; ++i) host += "abc.";
  EXPECT_EQ(problem("http://" + host + "example/"), "the host is longer than 253 bytes");
}

TEST(Url, names_the_url_in_its_error) {
  try {
    (void)Url::parse("http://exa mple.com/");
    FAIL();
  } catch (const InvalidURL& error) {
    EXPECT_STREQ(error.what(), "http://exa mple.com/: the host contains a space");
    EXPECT_EQ(error.url(), "http://exa mple.com/");
  }
}

TEST(Url, keeps_a_password_out_of_its_error) {
  try {
    (void)Url::parse("http://user:p@ss@ho st/");
    FAIL();
  } catch (const InvalidURL& error) {
    EXPECT_STREQ(error.what(), "http://user:***@ho st/: the host contains a space");
    EXPECT_EQ(error.url(), "http://user:p@ss@ho st/");
  }
}

TEST(Url, refuses_a_number_that_some_readers_take_for_an_address) {
  for (const char* text :
       {"http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/",
        "http://1.2.3/", "http://256.1.1.1/", "http://01.2.3.4/", "http://1.2.3.4./",
        "http://1.2.3.4.5/", "http://a.1/", "http://0x7f.1/", "http://0x/"}) {
    EXPECT_TRUE(problem(text).starts_with("the host is a number")) << text << problem(text);
  }
}

TEST(Url, refuses_other_schemes_with_an_error_of_their_own) {
  for (const char* text : {"ftp://host/", "file:///etc/passwd", "javascript:alert(1)",
                           "data:text/plain,hi", "mailto:a@b", "gopher://host/", "httpx://host/"}) {
    EXPECT_THROW((void)Url::parse(text), NonHttpUrlClientError) << text;
  }
}

TEST(Url, resolves_references_as_rfc_3986_section_5_4_says) {
  const Url base = "http://a/b/c/d;p?q";
  const std::vector<Pair> pairs = {
      {"http://g/h", "http://g/h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y#s"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/./x", "http://a/b/c/g#s/./x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
      // And what real Location fields hold.
      {"a b|c", "http://a/b/c/a%20b%7Cc"},
      {"/x?y=http://z/", "http://a/x?y=http://z/"},
      {"\\g", "http://a/g"},
      {"\\\\evil.example", "http://evil.example/"},
      {"/\\evil.example", "http://evil.example/"},
      {"1:2", "http://a/b/c/1:2"},
      {"https://A.example:443", "https://a.example/"},
      {"/\xc3\xa9", "http://a/%C3%A9"},
      {"/%7e%2F", "http://a/%7e%2F"},
      {" /g ", "http://a/g"},
  };
  for (const Pair& pair : pairs) {
    SCOPED_TRACE(pair.given);
    EXPECT_EQ(base.resolve(pair.given).to_string(), pair.expected);
  }
}

TEST(Url, resolves_with_the_credentials_of_its_base_only_within_its_authority) {
  const Url base = "http://user:pw@host:81/a#f";
  EXPECT_EQ(base.resolve("b").to_string(), "http://user:pw@host:81/b");
  EXPECT_EQ(base.resolve("//other/b").to_string(), "http://other/b");
  EXPECT_EQ(base.resolve("").to_string(), "http://user:pw@host:81/a");
  EXPECT_THROW((void)base.resolve("file:///etc/passwd"), NonHttpUrlClientError);
  EXPECT_THROW((void)base.resolve("/a\r\nSet-Cookie: x"), InvalidURL);
  EXPECT_THROW((void)base.resolve("http://"), InvalidURL);
}

TEST(Url, knows_when_two_urls_may_share_a_connection) {
  EXPECT_TRUE(Url("http://a/x").same_origin("http://u@A:80/y"));
  EXPECT_FALSE(Url("http://a/").same_origin("https://a/"));
  EXPECT_FALSE(Url("http://a/").same_origin("http://a:81/"));
  EXPECT_FALSE(Url("http://a/").same_origin("http://a.b/"));
}

TEST(Url, never_crashes_and_stays_stable_on_random_text) {
  const std::string_view alphabet = "ahttp:/\\?#@[]%.:0129zé \t|\"'<>xn--_~\n\x01";
  std::uint32_t seed = 1;
  const auto random = [&] { return seed = seed * 1664525U + 1013904223U; };
  int good = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text = i % 2 == 0 ? "http://h" : "https://";
    const std::uint32_t size = random() >> 27;
    for (std::uint32_t k = 0; k < size; ++k) text += alphabet[(random() >> 8) % alphabet.size()];
    try {
      const Url url = Url::parse(text);
      ++good;
      ASSERT_EQ(normal(url.to_string()), url.to_string()) << text;
      ASSERT_FALSE(url.host().empty());
      ASSERT_TRUE(url.path().starts_with('/'));
      ASSERT_EQ(url.resolve(url.to_string()), url);
      ASSERT_EQ(url.resolve(url.request_target().substr(0, 2) == "//" ? "" : url.request_target())
                    .request_target(),
                url.request_target());
    } catch (const InvalidURL&) {
    }
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace asyncio::http
