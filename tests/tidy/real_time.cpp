// No test sleeps in real time, unless real time is what it tests.
//
// tests/tidy/real_time.txt has the names of the harnesses whose clock jumps (`virtual`), of those
// that run on the kernel's (`real`), and how many places of a file may wait all the same (`allow`).
// A test is on the clock of its fixture, if that is one of them, and else, like what stands before
// the first test, on the kernel's when the file names a real harness. Places:
//   - a sleep of the thread, anywhere;
//   - `sleep(...)` on the kernel's clock, or where nothing names a clock; but for sleep(0s), which
//     is a turn, and for hours, which nobody waits for;
//   - on the kernel's clock a literal of less than a second: a deadline that is to pass.
#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

using Names = std::set<std::string>;
using Matches = std::sregex_iterator;
enum class Clock : unsigned char { jumping, unknown, real };

struct Rules {
  Names jumping;
  Names real;
  std::map<std::string, std::size_t> allowed;
};

Rules read_rules(const fs::path& root) {
  Rules rules;
  for (const auto& row : read_table(root, "real_time.txt")) {
    if (row[0] == "virtual") rules.jumping.insert(row.begin() + 1, row.end());
    if (row[0] == "real") rules.real.insert(row.begin() + 1, row.end());
    if (row[0] == "allow" && row.size() > 3) rules.allowed[row[1]] = std::stoul(row[2]);
  }
  return rules;
}

bool names_any(const std::string& source, const Names& names) {
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    for (auto at = source.find(name); at != std::string::npos; at = source.find(name, at + 1)) {
      const std::size_t end = at + name.size();
      const bool longer = (at > 0 && is_word(source[at - 1])) ||
                          (is_word(name.back()) && end < source.size() && is_word(source[end]));
      if (!longer) return true;
    }
    return false;
  });
}

// What fixtures of a file are made of: {"server", "SocketTest"}.
std::map<std::string, std::string> bases_in(const std::string& source) {
  static const std::regex base(
      R"((?:class|struct|using) (\w+)(?: :\s+public| =)\s+(?:\w+::)*(\w+)\s*[,;{])");
  std::map<std::string, std::string> bases;
  for (Matches at(source.begin(), source.end(), base), end; at != end; ++at) {
    bases.emplace((*at)[1], (*at)[2]);
  }
  return bases;
}

// The argument of a call, from behind its parenthesis.
std::string argument_at(const std::string& source, std::size_t begin) {
  std::size_t end = begin;
  for (int depth = 0; end < source.size(); ++end) {
    if (source[end] == '(') ++depth;
    if (source[end] == ')' && depth-- == 0) break;
  }
  return source.substr(begin, end - begin);
}

bool takes_time(const std::string& argument) {
  static const std::regex no_time(R"(0(s|ms|us|ns)?|[\w:]*[({]0?[)}])");
  static const std::regex for_ever(R"(\d+h|[\w:]*hours\(.*)");
  return !std::regex_match(argument, no_time) && !std::regex_match(argument, for_ever);
}

// The offsets in a part of a source at which somebody waits.
std::set<std::size_t> waits_in(const std::string& part, Clock clock) {
  static const std::regex thread_sleeps(R"(\b(sleep_for|sleep_until|usleep|nanosleep)\()");
  static const std::regex task_sleeps(R"(\bsleep\()");
  static const std::regex short_time(R"(\b(?!0[mun]s\b)[0-9.']+(ms|us|ns)\b)");
  std::set<std::size_t> places;
  const auto add = [&](const Matches& at) {
    places.insert(static_cast<std::size_t>(at->position()));
  };
  const Matches end;
  for (Matches at(part.begin(), part.end(), thread_sleeps); at != end; ++at) add(at);
  if (clock == Clock::jumping) return places;
  for (Matches at(part.begin(), part.end(), task_sleeps); at != end; ++at) {
    const auto behind = static_cast<std::size_t>(at->position() + at->length());
    if (takes_time(argument_at(part, behind))) add(at);
  }
  if (clock == Clock::unknown) return places;
  for (Matches at(part.begin(), part.end(), short_time); at != end; ++at) add(at);
  return places;
}

Clock clock_of(std::string fixture, const std::map<std::string, std::string>& bases,
               const Rules& rules, Clock otherwise) {
  for (std::size_t i = 0; i <= bases.size(); ++i) {
    if (rules.real.count(fixture)) return Clock::real;
    if (rules.jumping.count(fixture)) return Clock::jumping;
    const auto base = bases.find(fixture);
    if (base == bases.end()) break;
    fixture = base->second;
  }
  return otherwise;
}

Clock clock_of_file(const std::string& source, const Rules& rules) {
  if (names_any(source, rules.real)) return Clock::real;
  return names_any(source, rules.jumping) ? Clock::jumping : Clock::unknown;
}

// The lines of a file at which it waits in real time.
std::set<std::size_t> real_waits(const std::string& source, const Rules& rules) {
  static const std::regex test(R"(\nTEST(_F|_P)?\((\w+))");
  const auto bases = bases_in(source);
  const Clock otherwise = clock_of_file(source, rules);
  std::set<std::size_t> lines;
  const auto look = [&](std::size_t begin, std::size_t end, Clock clock) {
    for (const std::size_t at : waits_in(source.substr(begin, end - begin), clock)) {
      const auto place = source.begin() + static_cast<std::ptrdiff_t>(begin + at);
      lines.insert(static_cast<std::size_t>(std::count(source.begin(), place, '\n')) + 1);
    }
  };
  std::size_t begin = 0;
  Clock clock = otherwise;
  for (Matches at(source.begin(), source.end(), test), end; at != end; ++at) {
    const auto next = static_cast<std::size_t>(at->position());
    look(begin, next, clock);
    begin = next;
    clock = clock_of((*at)[2], bases, rules, otherwise);
  }
  look(begin, source.size(), clock);
  return lines;
}

}  // namespace

Findings check_real_time(const fs::path& root) {
  Rules rules = read_rules(root);
  Findings findings;
  for (const std::string& file : cpp_files(root, {"tests"})) {
    const std::set<std::size_t> lines = real_waits(blank(read_file(root / file)), rules);
    const std::size_t allowed = rules.allowed[file];
    rules.allowed.erase(file);
    if (lines.size() < allowed) {
      findings.push_back({file, 0,
                          "waits in " + std::to_string(lines.size()) +
                              " lines, and real_time.txt allows " + std::to_string(allowed)});
    }
    if (lines.size() <= allowed) continue;
    for (const std::size_t line : lines) {
      findings.push_back({file, line, "waits in real time: use the simulated world, or an event"});
    }
  }
  for (const auto& [file, lines] : rules.allowed) {
    findings.push_back({file, 0, "is in real_time.txt, and there is no such file"});
  }
  return findings;
}

}  // namespace tidy
