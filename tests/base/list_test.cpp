#include "asyncio/base/list.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace asyncio::base {
namespace {

struct Item : ListNode {
  explicit Item(char letter) : name(letter) {}
  char name;
};

std::string names(const List<Item>& list) {
  std::string out;
  for (const Item* item = list.front(); item != nullptr; item = list.next(item)) out += item->name;
  return out;
}

TEST(list, is_first_in_first_out) {
  List<Item> list;
  Item a('a');
  Item b('b');
  list.push_back(&a);
  list.push_back(&b);
  EXPECT_EQ(names(list), "ab");
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_FALSE(a.linked());
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(list, a_node_that_is_destroyed_leaves_its_list) {
  List<Item> list;
  Item a('a');
  std::optional<Item> b(std::in_place, 'b');
  Item c('c');
  list.push_back(&a);
  list.push_back(&*b);
  list.push_back(&c);
  b.reset();
  EXPECT_EQ(names(list), "ac");
}

TEST(list, a_list_that_is_destroyed_leaves_its_nodes_unlinked) {
  Item a('a');
  {
    List<Item> list;
    list.push_back(&a);
    EXPECT_TRUE(a.linked());
  }
  EXPECT_FALSE(a.linked());
  a.unlink();  // no effect
}

TEST(list, splicing_keeps_the_order_and_empties_the_other) {
  List<Item> one;
  List<Item> two;
  Item a('a');
  Item b('b');
  Item c('c');
  one.push_back(&a);
  two.push_back(&b);
  two.push_back(&c);
  one.splice_back(two);
  EXPECT_EQ(names(one), "abc");
  EXPECT_TRUE(two.empty());
  one.splice_back(two);
  EXPECT_EQ(names(one), "abc");
  two.splice_back(one);
  EXPECT_EQ(names(two), "abc");
}

}  // namespace
}  // namespace asyncio::base
