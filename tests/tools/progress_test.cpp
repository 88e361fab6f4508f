#include "tools/asyncio/progress.hpp"

#include <gtest/gtest.h>

#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;

// A terminal that remembers what was written, and a clock that stands still until told.
struct Screen {
  std::chrono::steady_clock::time_point now{};
  std::string written;
  Terminal terminal{.fd = -1, .is_tty = true, .colour = false, .columns = 80};

  Clock clock() {
    return [this] { return now; };
  }
  Writer writer() {
    return [this](std::string_view text) { written += text; };
  }
  std::string take() { return std::exchange(written, ""); }
};

TEST(progress, the_bar_moves_in_eighths_of_a_column) {
  EXPECT_EQ(render_bar(0, 4), "    ");
  EXPECT_EQ(render_bar(0.5, 4), "██  ");
  EXPECT_EQ(render_bar(0.53125, 4), "██▏ ");
  EXPECT_EQ(render_bar(1, 4), "████");
  EXPECT_EQ(render_bar(0.999, 4), "███▉");
  EXPECT_EQ(render_bar(7, 2), "██");
  EXPECT_EQ(render_bar(-1, 2), "  ");
  EXPECT_EQ(render_bar(0.0 / 0.0, 2), "  ");
}

TEST(progress, the_rest_takes_as_long_per_item_as_what_is_done) {
  EXPECT_EQ(remaining_seconds({.done = 25, .total = 100, .elapsed_seconds = 2}), 6.0);
  EXPECT_EQ(remaining_seconds({.done = 100, .total = 100, .elapsed_seconds = 2}), 0.0);
  EXPECT_EQ(remaining_seconds({.done = 0, .total = 100, .elapsed_seconds = 2}), std::nullopt);
  EXPECT_EQ(remaining_seconds({.done = 5, .total = 0, .elapsed_seconds = 2}), std::nullopt);
}

TEST(progress, a_line_shows_counts_rate_time_and_what_is_left) {
  Terminal terminal{.columns = 100};
  EXPECT_EQ(render_progress({.label = "asyncio", .done = 50, .total = 200, .elapsed_seconds = 1},
                            terminal),
            "asyncio  ███████▌                         50/200  50.0/s  1.00 s  eta 3.00 s");
  EXPECT_EQ(render_progress(
                {.label = "x", .done = 3, .failures = 1, .bytes = 3 << 20, .elapsed_seconds = 2},
                terminal),
            "x  3  1.5 MB/s  2.00 s  1 failed");
}

TEST(progress, half_an_item_is_progress_too) {
  const ProgressState state{
      .done = 0, .under_way = 0.5, .total = 1, .bytes = 3 << 20, .elapsed_seconds = 2};
  EXPECT_EQ(remaining_seconds(state), 2.0);
  EXPECT_EQ(render_progress(state, {.columns = 60}),
            "  ███████████             0/1  1.5 MB/s  2.00 s  eta 2.00 s");
}

TEST(progress, a_line_never_wraps_and_a_hostile_label_is_escaped) {
  for (unsigned columns : {1U, 8U, 20U, 33U, 50U, 80U, 200U}) {
    ProgressState state{
        .label = "a\x1b[2Jb", .done = 5, .total = 10, .failures = 2, .elapsed_seconds = 3};
    std::string line = render_progress(state, {.columns = columns});
    EXPECT_LT(display_width(line), columns) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
}

TEST(progress, drawing_is_throttled_to_ten_times_a_second) {
  Screen screen;
  LiveLines live(screen.terminal, screen.clock(), screen.writer());
  live.draw({"one"});
  EXPECT_EQ(screen.take(), "one\x1b[K");
  screen.now += 99ms;
  live.draw({"two"});
  EXPECT_EQ(screen.take(), "");
  screen.now += 1ms;
  live.draw({"three"});
  EXPECT_EQ(screen.take(), "\rthree\x1b[K");
}

TEST(progress, a_block_is_redrawn_in_place_and_takes_itself_away) {
  Screen screen;
  {
    LiveLines live(screen.terminal, screen.clock(), screen.writer());
    live.draw({"a", "b", "c"});
    EXPECT_EQ(screen.take(), "a\x1b[K\nb\x1b[K\nc\x1b[K");
    screen.now += 1s;
    live.draw({"d"});
    EXPECT_EQ(screen.take(), "\r\x1b[2Ad\x1b[K\x1b[J");
  }
  EXPECT_EQ(screen.take(), "\r\x1b[J");
}

TEST(progress, nothing_is_drawn_where_nobody_looks) {
  Screen screen;
  screen.terminal.is_tty = false;
  {
    ProgressBar bar(screen.terminal, "fetch", 10, screen.clock(), screen.writer());
    bar.update(5);
    bar.clear();
  }
  EXPECT_EQ(screen.take(), "");
}

TEST(progress, a_bar_counts_its_time_from_its_beginning) {
  Screen screen;
  ProgressBar bar(screen.terminal, "fetch", 10, screen.clock(), screen.writer());
  screen.now += 2s;
  bar.update(5);
  EXPECT_EQ(screen.take(),
            "fetch  ███████████████                  5/10  2.50/s  2.00 s  eta 2.00 s\x1b[K");
}

TEST(progress, arms_show_those_done_running_and_waiting) {
  Screen screen;
  screen.terminal.columns = 60;
  ArmsProgress arms(screen.terminal, {"threads:8", "asyncio", "python"}, screen.clock(),
                    screen.writer());
  arms.begin_round(500);
  arms.begin_arm(0);
  screen.take();
  arms.end_arm("6.31 s");
  screen.take();
  screen.now += 1s;
  arms.begin_arm(1);
  EXPECT_EQ(screen.take(),
            "\r\x1b[3An = 500\x1b[K\n"
            "threads:8  6.31 s\x1b[K\n"
            "asyncio                                      0/500  0 s\x1b[K\n"
            "python     waiting\x1b[K");
  arms.clear();
  EXPECT_EQ(screen.take(), "\r\x1b[3A\x1b[J");
}

TEST(progress, in_a_log_each_arm_leaves_one_line) {
  Screen screen;
  screen.terminal.is_tty = false;
  ArmsProgress arms(screen.terminal, {"threads:8", "asyncio"}, screen.clock(), screen.writer());
  arms.begin_round(1000);
  arms.begin_arm(1);
  arms.update(5, 0);
  arms.end_arm("0.52 s");
  EXPECT_EQ(screen.take(), "n = 1,000  asyncio    0.52 s\n");
}

}  // namespace
}  // namespace asyncio::tool
