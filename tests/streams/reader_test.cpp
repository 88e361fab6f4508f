// StreamReader, fed by hand. The ids are CPython 3.15's tests of the same rule.
#include "asyncio/streams/reader.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <optional>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::thrown_by;

class stream_reader : public test::LoopTest {
 protected:
  void feed(std::string_view data) { reader.feed_data(data); }
  // Awaits what `make()` gives.
  template <class F>
  std::string got(F make) {
    return run([](F maker) -> Coro<std::string> {
      auto awaiter = maker();
      co_return co_await awaiter;
    }(make));
  }
  std::string read(std::ptrdiff_t count) {
    return got([&] { return reader.read(count); });
  }
  std::string readline() {
    return got([&] { return reader.readline(); });
  }

  void TearDown() override {
    kept_.reset();
    LoopTest::TearDown();
  }

 private:
  std::optional<StreamReader> kept_{std::in_place};

 protected:
  StreamReader& reader = *kept_;
};

// CPython: test_streams::StreamTests::test_read
// CPython: test_streams::StreamTests::test_read_zero
// CPython: test_streams::StreamTests::test_read_eof
TEST_F(stream_reader, read_gives_what_there_is_up_to_the_count) {
  feed("hello world");
  EXPECT_EQ(read(0), "");
  EXPECT_EQ(read(5), "hello");
  EXPECT_EQ(read(100), " world");
  reader.feed_eof();
  EXPECT_EQ(read(10), "");
  EXPECT_TRUE(reader.at_eof());
}

// CPython: test_streams::StreamTests::test_read_until_eof
// CPython: test_streams::StreamTests::test_read_limit
TEST_F(stream_reader, read_without_a_count_waits_for_the_end_and_has_no_limit) {
  reader = StreamReader(3);
  const auto feeder = loop().call_soon([this] {
    feed("chunk1\n");
    loop().call_soon([this] {
      feed("chunk2");
      reader.feed_eof();
    });
  });
  EXPECT_EQ(read(-1), "chunk1\nchunk2");
}

// CPython: test_streams::StreamTests::test___repr__
// CPython: test_streams::StreamTests::test___repr__nondefault_limit
// CPython: test_streams::StreamTests::test___repr__eof
// CPython: test_streams::StreamTests::test___repr__data
// CPython: test_streams::StreamTests::test___repr__exception
TEST_F(stream_reader, shows_itself_as_in_python) {
  EXPECT_EQ(reader.repr(), "<StreamReader>");
  feed("12345");
  EXPECT_EQ(reader.repr(), "<StreamReader 5 bytes>");
  reader.feed_eof();
  EXPECT_EQ(reader.repr(), "<StreamReader 5 bytes eof>");
  reader.set_exception(std::make_exception_ptr(RuntimeError("a")));
  EXPECT_EQ(reader.repr(), "<StreamReader 5 bytes eof exception=RuntimeError: a>");
  EXPECT_EQ(StreamReader(100).repr(), "<StreamReader limit=100>");
}

TEST_F(stream_reader, read_waits_for_the_first_byte_only) {
  loop().call_later(1s, [this] { feed("late"); });
  EXPECT_EQ(read(100), "late");
}

TEST_F(stream_reader, read_into_fills_the_callers_buffer) {
  feed("abcdef");
  std::byte buffer[4];
  EXPECT_EQ(run(reader.read_into(buffer)), 4U);
  EXPECT_EQ(std::memcmp(buffer, "abcd", 4), 0);
  EXPECT_EQ(run(reader.read_into(buffer)), 2U);
  reader.feed_eof();
  EXPECT_EQ(run(reader.read_into(buffer)), 0U);
}

// CPython: test_streams::StreamTests::test_readexactly
// CPython: test_streams::StreamTests::test_readexactly_eof
// CPython: test_streams::StreamTests::test_readexactly_limit
TEST_F(stream_reader, readexactly_gives_all_or_fails_with_what_there_was) {
  reader = StreamReader(2);
  feed("chunk");
  loop().call_soon([this] { feed("more"); });
  EXPECT_EQ(got([&] { return reader.readexactly(7); }), "chunkmo");
  EXPECT_EQ(got([&] { return reader.readexactly(0); }), "");
  reader.feed_eof();
  try {
    run(reader.readexactly(10));
    ADD_FAILURE() << "no error";
  } catch (const IncompleteReadError& error) {
    EXPECT_EQ(error.partial, "re");
    EXPECT_EQ(error.expected, 10U);
    EXPECT_STREQ(error.what(), "2 bytes read on a total of 10 expected bytes");
  }
  EXPECT_TRUE(reader.at_eof());
}

// CPython: test_streams::StreamTests::test_readline
// CPython: test_streams::StreamTests::test_readline_eof
// CPython: test_streams::StreamTests::test_readline_read_byte_count
TEST_F(stream_reader, readline_gives_lines_and_the_last_one_without_its_end) {
  feed("one\ntwo\nth");
  EXPECT_EQ(readline(), "one\n");
  EXPECT_EQ(readline(), "two\n");
  loop().call_soon([this] {
    feed("ree");
    reader.feed_eof();
  });
  EXPECT_EQ(readline(), "three");
  EXPECT_EQ(readline(), "");
}

TEST_F(stream_reader, next_line_makes_a_loop) {
  feed("a\nb\nc");
  reader.feed_eof();
  auto main = [&]() -> Coro<std::string> {
    std::string all;
    for (;;) {
      auto line = co_await reader.next_line();
      if (!line) break;
      all += "<" + *line + ">";
    }
    co_return all;
  };
  EXPECT_EQ(run(main()), "<a\n><b\n><c>");
}

// CPython: test_streams::StreamTests::test_readline_limit_with_existing_data
TEST_F(stream_reader, readline_skips_a_line_over_the_limit_and_says_so) {
  reader = StreamReader(3);
  feed("too long\nok\n");
  EXPECT_EQ(thrown_by([&] { readline(); }),
            "ValueError: Separator is found, but chunk is longer than limit");
  EXPECT_EQ(readline(), "ok\n");
}

// CPython: test_streams::StreamTests::test_readline_limit
TEST_F(stream_reader, readline_clears_what_has_no_end_within_the_limit) {
  reader = StreamReader(3);
  feed("endless");
  EXPECT_EQ(thrown_by([&] { readline(); }),
            "ValueError: Separator is not found, and chunk exceed the limit");
  EXPECT_EQ(reader.buffered(), "");
  feed("ok\n");
  EXPECT_EQ(readline(), "ok\n");
}

// Rule 2.46
// CPython: test_streams::StreamTests::test_readuntil_limit_found_sep
// Fault S4
TEST_F(stream_reader, readuntil_over_the_limit_leaves_the_data) {
  reader = StreamReader(3);
  feed("some dataAAA");
  try {
    run(reader.readuntil("AAA"));
    ADD_FAILURE() << "no error";
  } catch (const LimitOverrunError& error) {
    EXPECT_STREQ(error.what(), "Separator is found, but chunk is longer than limit");
    EXPECT_EQ(error.consumed, 9U);
  }
  EXPECT_EQ(reader.buffered(), "some dataAAA");
}

// Rule 2.46
// The limit is on what is before the separator.
TEST_F(stream_reader, readuntil_allows_exactly_the_limit_before_the_separator) {
  reader = StreamReader(3);
  feed("abcXYZ");
  EXPECT_EQ(got([&] { return reader.readuntil("XYZ"); }), "abcXYZ");
}

// CPython: test_streams::StreamTests::test_readuntil_separator
TEST_F(stream_reader, an_empty_separator_is_a_value_error) {
  EXPECT_THROW((void)reader.readuntil(""), ValueError);
  EXPECT_THROW((void)reader.readuntil("a", ""), ValueError);
}

// CPython: test_streams::StreamTests::test_readuntil_multi_chunks
// Fault S4
TEST_F(stream_reader, readuntil_finds_a_separator_that_comes_in_pieces) {
  feed("dataA");
  loop().call_soon([this] {
    feed("A");
    loop().call_soon([this] { feed("Aand more"); });
  });
  EXPECT_EQ(got([&] { return reader.readuntil("AAA"); }), "dataAAA");
  EXPECT_EQ(reader.buffered(), "and more");
}

// CPython: test_streams::StreamTests::test_readuntil_eof
TEST_F(stream_reader, readuntil_at_the_end_fails_with_what_there_was) {
  feed("some data");
  reader.feed_eof();
  try {
    run(reader.readuntil("AAA"));
    ADD_FAILURE() << "no error";
  } catch (const IncompleteReadError& error) {
    EXPECT_EQ(error.partial, "some data");
    EXPECT_EQ(error.expected, std::nullopt);
    EXPECT_STREQ(error.what(), "9 bytes read on a total of undefined expected bytes");
  }
  EXPECT_EQ(reader.buffered(), "");
}

// Rule 2.46
// CPython: test_streams::StreamTests::test_readuntil_multi_separator
TEST_F(stream_reader, of_several_separators_the_one_that_ends_first_wins) {
  feed("line one\r\nline two\nline three\r\n");
  const auto next = [&] { return reader.readuntil("\r\n", "\n"); };
  EXPECT_EQ(got(next), "line one\r\n");
  EXPECT_EQ(got(next), "line two\n");
  EXPECT_EQ(got(next), "line three\r\n");
  feed("xABCy");
  EXPECT_EQ(got([&] { return reader.readuntil("ABC", "B"); }), "xAB");
}

// CPython: test_streams::StreamTests::test_exception
TEST_F(stream_reader, a_set_exception_comes_before_buffered_data) {
  feed("data");
  reader.set_exception(std::make_exception_ptr(ValueError("broken")));
  EXPECT_EQ(thrown_by([&] { read(4); }), "ValueError: broken");
  EXPECT_EQ(thrown_by([&] { readline(); }), "ValueError: broken");
}

// CPython: test_streams::StreamTests::test_exception_waiter
TEST_F(stream_reader, a_set_exception_wakes_who_waits) {
  loop().call_soon([this] { reader.set_exception(std::make_exception_ptr(ValueError("x"))); });
  EXPECT_EQ(thrown_by([&] { readline(); }), "ValueError: x");
}

// CPython: test_streams::StreamTests::test_exception_cancel
TEST_F(stream_reader, a_cancelled_read_leaves_the_reader_as_it_was) {
  auto main = [&]() -> Coro<std::string> {
    auto task = create_task(reader.readexactly(6));
    co_await sleep(0s);
    feed("abc");
    co_await sleep(0s);
    task.cancel();
    std::vector<Task<std::string>> tasks(1, task);
    co_await wait(tasks);
    EXPECT_TRUE(task.cancelled());
    feed("def");
    co_return co_await reader.readexactly(6);
  };
  EXPECT_EQ(run(main()), "abcdef");
}

// Fault S5
TEST_F(stream_reader, a_second_read_that_has_to_wait_is_a_runtime_error) {
  auto main = [&]() -> Coro<std::string> {
    auto first = create_task(reader.readline());
    co_await sleep(0s);
    Result<std::string> second = co_await try_(reader.read(1));
    EXPECT_EQ(test::describe(second.exception()),
              "RuntimeError: read() called while another coroutine is already waiting for "
              "incoming data");
    feed("line\n");
    co_return co_await first;
  };
  EXPECT_EQ(run(main()), "line\n");
}

// CPython: test_streams::StreamTests::test_invalid_limit
TEST_F(stream_reader, a_limit_of_zero_is_a_value_error) {
  EXPECT_EQ(thrown_by([] { return StreamReader(0); }), "ValueError: Limit cannot be <= 0");
}

TEST_F(stream_reader, a_parser_sees_the_bytes_where_they_are) {
  feed("GET / HT");
  auto main = [&]() -> Coro<std::string> {
    EXPECT_EQ(reader.buffered(), "GET / HT");
    reader.consume(6);
    loop().call_soon([this] { feed("TP/1.1"); });
    const std::size_t added = co_await reader.fill();
    EXPECT_EQ(added, 6U);
    std::string seen(reader.buffered());
    reader.feed_eof();
    EXPECT_EQ(co_await reader.fill(), 0U);
    EXPECT_FALSE(reader.at_eof());
    reader.consume(1000);
    EXPECT_TRUE(reader.at_eof());
    co_return seen;
  };
  EXPECT_EQ(run(main()), "HTTP/1.1");
}

TEST_F(stream_reader, reads_go_wherever_a_coroutine_does) {
  feed("a\nb\n");
  std::vector<Coro<std::string>> lines;
  lines.push_back(reader.readline());
  lines.push_back(reader.read(1));
  EXPECT_EQ(run(std::move(lines[0])), "a\n");
  EXPECT_EQ(run(std::move(lines[1])), "b");
}

TEST(stream_reader_death, feeding_after_the_end_is_a_mistake_of_the_program) {
  StreamReader reader;
  reader.feed_eof();
  EXPECT_DEATH(reader.feed_data("x"), "feed_data after feed_eof");
}

}  // namespace
}  // namespace asyncio
