// check_output EXPECTED PROGRAM: runs PROGRAM, or the shell commands in EXPECTED.run if that is
// there, and compares what is printed with EXPECTED.out, and stderr with EXPECTED.err (nothing, if
// there is no such file). The notation is in examples/README.md.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Lines = std::vector<std::string>;

// How a number with a decimal point is compared: as text, or as a time on a busy machine.
enum class Times { exact, late };

Lines lines_of(const std::string& path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// How many characters of `text` are a number such as 12 or 12.50; the dot of "12." is none of it.
std::size_t number_length(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end > 0 && end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    for (++end; end < text.size() && is_digit(text[end]);) ++end;
  }
  return end;
}

double number(std::string_view text) { return std::strtod(std::string(text).c_str(), nullptr); }

// On a busy machine a sleep ends late: by at most a fifth of a second, or a tenth of the time.
double latest(double time) { return time + std::max(0.2, time / 10); }

bool is_decimal(std::string_view text) {
  return text.substr(0, number_length(text)).find('.') != std::string_view::npos;
}

bool matches(std::string_view pattern, std::string_view text, Times times) {
  while (!pattern.empty()) {
    if (pattern.starts_with("{*}")) {
      for (std::size_t skip = 0; skip <= text.size(); ++skip) {
        if (matches(pattern.substr(3), text.substr(skip), times)) return true;
      }
      return false;
    }
    const std::size_t dots = pattern.find("..");
    const std::size_t close = pattern.find('}');
    if (pattern[0] == '{' && dots < close && close != std::string_view::npos) {
      const std::size_t length = number_length(text);
      const double value = number(text.substr(0, length));
      const double least = number(pattern.substr(1, dots - 1));
      double most = number(pattern.substr(dots + 2, close - dots - 2));
      if (times == Times::late && is_decimal(text)) most = latest(most);
      if (length == 0 || value < least || value > most) return false;
      pattern.remove_prefix(close + 1);
      text.remove_prefix(length);
    } else if (times == Times::late && is_decimal(pattern) && is_decimal(text)) {
      const double expected = number(pattern.substr(0, number_length(pattern)));
      const double printed = number(text.substr(0, number_length(text)));
      if (printed < expected || printed > latest(expected)) return false;
      pattern.remove_prefix(number_length(pattern));
      text.remove_prefix(number_length(text));
    } else {
      if (text.empty() || pattern[0] != text[0]) return false;
      pattern.remove_prefix(1);
      text.remove_prefix(1);
    }
  }
  return text.empty();
}

// The number of the first line that differs, from 1; 0 if none does.
std::size_t first_difference(const Lines& expected, const Lines& printed, Times times) {
  for (std::size_t i = 0; i < expected.size() || i < printed.size(); ++i) {
    if (i >= expected.size() || i >= printed.size() || !matches(expected[i], printed[i], times)) {
      return i + 1;
    }
  }
  return 0;
}

void explain(const char* stream, const Lines& expected, const Lines& printed) {
  const std::size_t line = first_difference(expected, printed, Times::exact);
  if (line == 0) return;
  std::printf("%s differs in line %zu\n", stream, line);
  const auto show = [line](const char* title, const Lines& lines) {
    std::printf("--- %s\n", title);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::printf("%s %s\n", i + 1 == line ? ">" : " ", lines[i].c_str());
    }
  };
  show("expected", expected);
  show("printed", printed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: check_output EXPECTED PROGRAM\n", stderr);
    return 2;
  }
  const std::string expected = argv[1];
  const std::string program = argv[2];
  const Lines out = lines_of(expected + ".out");
  const Lines err = lines_of(expected + ".err");
  const std::string script = expected + ".run";
  const std::string what = std::ifstream(script) ? "sh -e \"" + script : '"' + program;
  const std::string command =
      what + "\" > \"" + program + ".stdout\" 2> \"" + program + ".stderr\"";
  const int status = std::system(command.c_str());
  const Lines printed = lines_of(program + ".stdout");
  const Lines complained = lines_of(program + ".stderr");
  const auto same = [&](Times times) {
    return first_difference(out, printed, times) == 0 &&
           first_difference(err, complained, times) == 0;
  };
  if (status == 0 && same(Times::exact)) return 0;
  if (status == 0 && same(Times::late)) {
    std::puts("right, but late: is the machine busy?");
    return 0;
  }
  if (status != 0) std::printf("the program failed: wait status %d\n", status);
  explain("stdout", out, printed);
  explain("stderr", err, complained);
  return 1;
}
