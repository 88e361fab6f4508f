// Texts: UTF-8 across every border, ends of lines, places.
#include "asyncio/files/errors.hpp"
#include "asyncio/files/file.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace af = asyncio::files;
using text_files = SimulatedFilesTest;

using Lines = std::vector<std::string>;

Coro<Lines> lines_of(std::string path, af::OpenOptions options) {
  af::File f = co_await af::open(path, "r", options);
  Lines lines = co_await f.readlines();
  co_await f.close();
  co_return lines;
}

// Recorded from CPython 3.11, of b"a\r\nb\rc\nd\r".
TEST_F(text_files, each_kind_of_newline_ends_lines_as_in_python) {
  const std::string path = folder.put("x", "a\r\nb\rc\nd\r");
  for (const std::size_t most : {0, 1, 2, 3}) {
    backend().shorten_file_calls(most);
    EXPECT_EQ(run(lines_of(path, {})), (Lines{"a\n", "b\n", "c\n", "d\n"}));
    EXPECT_EQ(run(lines_of(path, {.newline = ""})), (Lines{"a\r\n", "b\r", "c\n", "d\r"}));
    EXPECT_EQ(run(lines_of(path, {.newline = "\r"})), (Lines{"a\r", "\nb\r", "c\nd\r"}));
    EXPECT_EQ(run(lines_of(path, {.newline = "\n"})), (Lines{"a\r\n", "b\rc\n", "d\r"}));
    EXPECT_EQ(run(lines_of(path, {.newline = "\r\n"})), (Lines{"a\r\n", "b\rc\nd\r"}));
  }
}

// The buffer ends within a "\r\n", and within a character, at each place in turn.
// Fault F8
TEST_F(text_files, the_borders_of_blocks_are_not_seen) {
  const std::string data = "zwölf\r\n\xE2\x82\xAC 5\rx\xF0\x9F\x98\x80y\r\n\r\nend\r";
  const std::string path = folder.put("x", data);
  const std::string expected = "zwölf\n\xE2\x82\xAC 5\nx\xF0\x9F\x98\x80y\n\nend\n";
  for (int size = 2; size < 32; ++size) {
    backend().shorten_file_calls(static_cast<std::size_t>(size % 7));
    run([](std::string where, std::string all, int buffer) -> Coro<> {
      af::File f = co_await af::open(where, "r", {.buffering = buffer});
      std::string again = co_await f.read();
      EXPECT_EQ(again, all);
      co_await f.seek(0);
      again.clear();
      while (auto line = co_await f.next_line()) {
        EXPECT_TRUE(line->ends_with('\n'));
        again += *line;
      }
      EXPECT_EQ(again, all);
      co_await f.seek(0);
      again.clear();
      for (;;) {
        const std::string part = co_await f.read(2);
        if (part.empty()) break;
        again += part;
      }
      EXPECT_EQ(again, all);
      co_await f.close();
    }(path, expected, size));
  }
}

TEST_F(text_files, read_and_readline_count_characters) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path);
    std::string part = co_await f.read(3);
    EXPECT_EQ(part, "äöü");
    part = co_await f.readline(2);
    EXPECT_EQ(part, "\xE2\x82\xAC\n");
    part = co_await f.readline(1);
    EXPECT_EQ(part, "\n") << "a \\r\\n is one character";
    part = co_await f.readline();
    EXPECT_EQ(part, "rest");
    co_await f.close();
  }(folder.put("x", "äöü\xE2\x82\xAC\r\n\r\nrest")));
}

TEST_F(text_files, what_tell_gives_seek_takes) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "r", {.buffering = 7});
    Lines lines;
    std::vector<std::int64_t> places;
    for (;;) {
      const std::int64_t place = co_await f.tell();
      const std::string line = co_await f.readline();
      if (line.empty()) break;
      places.push_back(place);
      lines.push_back(line);
    }
    EXPECT_EQ(lines.size(), 4U);
    for (std::size_t i = lines.size(); i-- > 0;) {
      co_await f.seek(places[i]);
      const std::string line = co_await f.readline();
      EXPECT_EQ(line, lines[i]);
    }
    const std::int64_t end = co_await f.seek(0, SEEK_END);
    EXPECT_EQ(end, 26);
    co_await f.close();
  }(folder.put("x", "erste\r\nzwölfte\rü\n\xE2\x82\xAC end")));
}

TEST_F(text_files, seeks_that_mean_nothing_in_a_text_are_refused) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path);
    const auto relative = co_await try_(f.seek(1, SEEK_CUR));
    EXPECT_EQ(describe(relative.exception()),
              "files::UnsupportedOperation: can't do nonzero cur-relative seeks");
    const auto from_end = co_await try_(f.seek(-1, SEEK_END));
    EXPECT_EQ(describe(from_end.exception()),
              "files::UnsupportedOperation: can't do nonzero end-relative seeks");
    const auto negative = co_await try_(f.seek(-1));
    EXPECT_EQ(describe(negative.exception()), "ValueError: negative seek position -1");
    co_await f.close();
  }(folder.put("x", "text")));
}

// Recorded from CPython 3.11, of b"ab" and these bytes.
// Fault F8
TEST_F(text_files, bytes_that_are_no_utf8_are_named_and_not_lost) {
  const std::pair<std::string, std::string> recorded[] = {
      {"\xff\xfe"
       "cd",
       "can't decode byte 0xff in position 2: invalid start byte"},
      {"\xc3", "can't decode byte 0xc3 in position 2: unexpected end of data"},
      {"\xc3\x28", "can't decode byte 0xc3 in position 2: invalid continuation byte"},
      {"\xe2\x82", "can't decode bytes in position 2-3: unexpected end of data"},
      {"\xe2\x82x", "can't decode bytes in position 2-3: invalid continuation byte"},
      {"\xe2\x28\xa1", "can't decode byte 0xe2 in position 2: invalid continuation byte"},
  };
  for (const auto& [bytes, message] : recorded) {
    for (const int buffer : {2, 3, 100}) {
      const std::string path = folder.put("x", "ab" + bytes);
      run([](std::string where, std::string words, std::string tail, int size) -> Coro<> {
        af::File f = co_await af::open(where, "r", {.buffering = size});
        const auto all = co_await try_(f.read());
        EXPECT_EQ(describe(all.exception()), "UnicodeDecodeError: 'utf-8' codec " + words);
        std::string part = co_await f.read(2);
        EXPECT_EQ(part, "ab") << "what stands before is still there";
        const auto next = co_await try_(f.readline());
        EXPECT_EQ(describe(next.exception()), "UnicodeDecodeError: 'utf-8' codec " + words);
        const std::int64_t place = co_await f.tell();
        EXPECT_EQ(place, 2);
        co_await f.close();
        af::File raw = co_await af::open(where, "rb");
        co_await raw.seek(place);
        part = co_await raw.read();
        EXPECT_EQ(part, tail);
        co_await raw.close();
      }(path, message, bytes, buffer));
    }
  }
}

TEST_F(text_files, an_error_in_the_middle_of_a_large_file_names_its_byte) {
  std::string data(300'000, 'x');
  data[271'828] = '\n';
  data[271'830] = '\xff';
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path);
    const std::string line = co_await f.readline();
    EXPECT_EQ(line.size(), 271'829U);
    const auto next = co_await try_(f.readline());
    const auto* error = base::exception_cast<UnicodeDecodeError>(next.exception());
    EXPECT_NE(error, nullptr);
    if (error != nullptr) {
      EXPECT_EQ(error->start, 271'830);
      EXPECT_EQ(error->reason, "invalid start byte");
    }
    co_await f.close();
  }(folder.put("x", data)));
}

// Recorded from CPython 3.11.
TEST_F(text_files, errors_may_be_replaced_or_ignored) {
  const std::string bad = "\xed\xa0\x80|\xc0\xaf|\xf5|\xf0\x9f\x98|x\xe2\x82";
  const std::string path = folder.put("x", bad);
  const std::string r = "\xEF\xBF\xBD";
  for (const int buffer : {2, 3, 100}) {
    run([](std::string where, std::string once, int size) -> Coro<> {
      af::File f = co_await af::open(where, "r", {.buffering = size, .errors = "replace"});
      std::string text = co_await f.read();
      EXPECT_EQ(text,
                once + once + once + "|" + once + once + "|" + once + "|" + once + "|x" + once);
      co_await f.close();
      af::File g = co_await af::open(where, "r", {.buffering = size, .errors = "ignore"});
      text = co_await g.read();
      EXPECT_EQ(text, "||||x");
      co_await g.close();
    }(path, r, buffer));
  }
}

TEST_F(text_files, written_newlines_become_what_was_asked_for) {
  run([](std::string path, TemporaryFolder& in) -> Coro<> {
    af::File f = co_await af::open(path, "w", {.newline = "\r\n"});
    const std::size_t count = co_await f.write("ä\nb\n");
    EXPECT_EQ(count, 4U) << "characters, as they were given";
    co_await f.close();
    EXPECT_EQ(in.content("x"), "ä\r\nb\r\n");
    af::File g = co_await af::open(path, "w");
    co_await g.write("a\nb\r\n");
    const auto refused = co_await try_(g.write("x\xff"));
    EXPECT_TRUE(base::exception_is<UnicodeEncodeError>(refused.exception()));
    co_await g.close();
    EXPECT_EQ(in.content("x"), "a\nb\r\n");
  }(folder / "x", folder));
}

TEST_F(text_files, a_line_buffered_one_is_flushed_after_each_line) {
  run([](std::string path, TemporaryFolder& in) -> Coro<> {
    af::File f = co_await af::open(path, "w", {.buffering = 1});
    co_await f.write("half");
    EXPECT_EQ(in.content("x"), "");
    co_await f.write(" a line\nmore");
    EXPECT_EQ(in.content("x"), "half a line\nmore");
    co_await f.close();
  }(folder / "x", folder));
}

}  // namespace
}  // namespace asyncio::test
