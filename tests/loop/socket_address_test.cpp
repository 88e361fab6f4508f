#include "asyncio/loop/socket_address.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "asyncio/base/error.hpp"

namespace asyncio {
namespace {

TEST(socket_address, is_parsed_from_numbers_and_printed_again) {
  SocketAddress address;
  ASSERT_TRUE(SocketAddress::parse("127.0.0.1", 80, address));
  EXPECT_EQ(address.family(), AF_INET);
  EXPECT_EQ(address.host(), "127.0.0.1");
  EXPECT_EQ(address.port(), 80);
  EXPECT_EQ(address.to_string(), "127.0.0.1:80");

  ASSERT_TRUE(SocketAddress::parse("2001:DB8::1", 8080, address));
  EXPECT_EQ(address.family(), AF_INET6);
  EXPECT_EQ(address.to_string(), "[2001:db8::1]:8080");
}

TEST(socket_address, keeps_the_zone_of_a_link_local_address) {
  SocketAddress address;
  ASSERT_TRUE(SocketAddress::parse("fe80::1%1", 1, address));
  EXPECT_EQ(address.host(), "fe80::1%1");
  ASSERT_TRUE(SocketAddress::parse("fe80::1%lo", 1, address));
  EXPECT_EQ(address.host(), "fe80::1%1");
  EXPECT_FALSE(SocketAddress::parse("fe80::1%nosuchif", 1, address));
  EXPECT_FALSE(SocketAddress::parse("127.0.0.1%lo", 1, address));
}

TEST(socket_address, a_name_or_nonsense_is_not_parsed) {
  SocketAddress address;
  const std::string with_nul("127.0.0.1\0.evil", 15);
  for (const std::string_view host :
       {std::string_view("localhost"), std::string_view(""), std::string_view("1.2.3"),
        std::string_view("1.2.3.4.5"), std::string_view("0x7f.1"), std::string_view("::1::"),
        std::string_view("[::1]"), std::string_view(with_nul)}) {
    EXPECT_FALSE(SocketAddress::parse(host, 1, address)) << host;
  }
  EXPECT_TRUE(address.empty());
}

TEST(socket_address, of_a_path_and_of_an_abstract_name) {
  EXPECT_EQ(SocketAddress::unix_path("/run/x.sock").to_string(), "/run/x.sock");
  EXPECT_EQ(SocketAddress::unix_path("/run/x.sock").family(), AF_UNIX);
  const SocketAddress abstract = SocketAddress::unix_path(std::string_view("\0name", 5));
  EXPECT_EQ(abstract.host(), std::string_view("\0name", 5));
  EXPECT_EQ(abstract.to_string(), "@name");
  EXPECT_THROW((void)SocketAddress::unix_path(std::string(108, 'x')), OSError);
  EXPECT_EQ(SocketAddress::unix_path(std::string(107, 'x')).host(), std::string(107, 'x'));
}

TEST(socket_address, an_empty_one_says_so) {
  const SocketAddress none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.port(), 0);
  EXPECT_EQ(none.host(), "");
  EXPECT_EQ(none.to_string(), "(no address)");
}

TEST(socket_address, compares_by_content) {
  SocketAddress a;
  SocketAddress b;
  SocketAddress::parse("127.0.0.1", 80, a);
  SocketAddress::parse("127.0.0.1", 80, b);
  EXPECT_EQ(a, b);
  SocketAddress::parse("127.0.0.1", 81, b);
  EXPECT_FALSE(a == b);
}

}  // namespace
}  // namespace asyncio
