#include "tools/asyncio/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {
namespace {

unsigned columns_of(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  unsigned columns = 0;
  if (const char* text = std::getenv("COLUMNS")) {
    std::from_chars(text, text + std::strlen(text), columns);
  }
  return columns > 0 && columns < 10'000 ? columns : 80;
}

// 0 when all was written, else errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

const char* code_of(Style style) {
  switch (style) {
    case Style::bold:
      return "\x1b[1m";
    case Style::dim:
      return "\x1b[2m";
    case Style::red:
      return "\x1b[31m";
    case Style::green:
      return "\x1b[32m";
    case Style::yellow:
      return "\x1b[33m";
    case Style::cyan:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

ColourWish colour_wish_from_environment() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return ColourWish::none;
  if (term == nullptr || std::string_view(term) == "dumb") return ColourWish::none;
  return ColourWish::automatic;
}

Terminal Terminal::of(int fd) {
  Terminal terminal;
  terminal.fd = fd;
  // A dumb terminal cannot move its cursor, so a live display would fill it with garbage.
  const char* term = std::getenv("TERM");
  terminal.is_tty = isatty(fd) == 1 && (term == nullptr || std::string_view(term) != "dumb");
  terminal.colour = terminal.is_tty && colour_wish_from_environment() == ColourWish::automatic;
  terminal.columns = columns_of(fd);
  return terminal;
}

std::string styled(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.colour || text.empty()) return std::string(text);
  return code_of(style) + std::string(text) + "\x1b[0m";
}

void claim_standard_descriptors() {
  for (int fd : {0, 1, 2}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() returns the lowest free number, which is `fd`, since those below it were just claimed.
    int opened = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    if (opened < 0) _exit(kExitFailure);
  }
}

void write_stdout(std::string_view text) {
  int error_number = write_all(STDOUT_FILENO, text);
  if (error_number != 0) throw system_error(error_number, "write to standard output", "");
}

void write_stderr(std::string_view text) { (void)write_all(STDERR_FILENO, text); }

}  // namespace asyncio::tool
