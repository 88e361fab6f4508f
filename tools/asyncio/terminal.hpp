// What we know about the other end of a descriptor: is a person looking, how wide, which colours.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::tool {

/// What the environment says about colour: NO_COLOR (any non-empty value) wins over TERM.
enum class ColourWish { none, automatic };
[[nodiscard]] ColourWish colour_wish_from_environment();

/// A descriptor as a place to write for people. A plain value: tests make their own.
struct Terminal {
  int fd = 2;
  bool is_tty = false;
  bool colour = false;
  unsigned columns = 80;

  /// Asks the kernel and the environment. `columns` is 80 when nothing knows better.
  static Terminal of(int fd);
};

enum class Style { bold, dim, red, green, yellow, cyan };

/// `text` between the escape sequences of `style`, or as it is on a terminal without colours.
std::string styled(const Terminal& terminal, Style style, std::string_view text);

/// Opens /dev/null on each of 0, 1 and 2 that is closed, the wrong way round, so that a report file
/// can never land on descriptor 1 and a write to a closed stdout still fails. Call first thing in
/// main().
void claim_standard_descriptors();

/// Writes everything to stdout, or throws ToolError ("cannot write to standard output: No space
/// ...").
void write_stdout(std::string_view text);

/// Writes to stderr as far as it goes: there is nowhere left to report a failure.
void write_stderr(std::string_view text);

}  // namespace asyncio::tool
