#include "tools/asyncio/file_names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "asyncio/http/errors.hpp"
#include "asyncio/http/request.hpp"
#include "asyncio/http/url.hpp"
#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return small;
}

// FNV-1a: any hash that is the same everywhere and for ever will do.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
  return digits.data();
}

// Where ".tar.gz" or ".html" begins; the size of the name when there is no short ending.
std::size_t ending_of(std::string_view name) {
  constexpr std::size_t kLongestEnding = 12;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot > kLongestEnding) {
    return name.size();
  }
  const std::size_t before = name.substr(0, dot).rfind('.');
  const bool tar =
      before != std::string_view::npos && lower(name.substr(before, dot - before)) == ".tar";
  return tar && before > 0 ? before : dot;
}

// escape_controls() knows what may not be shown; here it becomes one '_' for each such place.
std::string without_controls(std::string_view text) {
  std::string shown = escape_controls(text);
  std::string out;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    // A backslash of the text itself is not wanted either.
    const bool escape = shown[i] == '\\' && i + 3 < shown.size() && shown[i + 1] == 'x';
    out += escape ? '_' : shown[i];
    if (escape) i += 3;
  }
  return out;
}

bool is_device(std::string_view name) {
  const std::string stem = lower(name.substr(0, name.find('.')));
  static constexpr std::array<std::string_view, 6> kDevices = {"con", "prn",    "aux",
                                                               "nul", "conin$", "conout$"};
  if (std::find(kDevices.begin(), kDevices.end(), stem) != kDevices.end()) return true;
  const bool port = stem.starts_with("com") || stem.starts_with("lpt");
  return port && stem.size() == 4 && stem[3] >= '0' && stem[3] <= '9';
}

std::string shorten(const std::string& name, std::string_view whole) {
  if (name.size() <= kLongestFileName) return name;
  const std::string ending = name.substr(ending_of(name));
  std::size_t keep = kLongestFileName - 17 - ending.size();
  // Not in the middle of a character.
  while (keep > 0 && (static_cast<unsigned char>(name[keep]) & 0xC0U) == 0x80U) --keep;
  return name.substr(0, keep) + "-" + hash_of(whole) + ending;
}

std::optional<http::Url> parse(const std::string& url) {
  try {
    return http::Url::parse(url);
  } catch (const http::InvalidURL&) {
    return std::nullopt;
  }
}

std::string query_of(const http::Url& url) {
  if (url.query().empty()) return {};
  return "_" + http::percent_decode(url.query());
}

std::string short_name(const http::Url& url) {
  std::string_view path = url.path();
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string_view last = path.substr(path.rfind('/') + 1);
  const std::string text = path.empty() ? std::string(url.host_port()) : http::percent_decode(last);
  return safe_file_name(text + query_of(url));
}

std::string long_name(const http::Url& url) {
  std::string_view path = url.path();
  while (path.ends_with('/')) path.remove_suffix(1);
  return safe_file_name(std::string(url.host_port()) + http::percent_decode(path) + query_of(url));
}

}  // namespace

std::string safe_file_name(std::string_view text) {
  std::string name = without_controls(text);
  for (char& c : name) {
    if (std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos) c = '_';
  }
  name = shorten(name, text);
  if (name.empty()) return "_";
  // ".", "..", hidden files, options, and what Windows cuts off at the end.
  if (std::string_view(".-~ ").find(name.front()) != std::string_view::npos) name.front() = '_';
  if (std::string_view(". ").find(name.back()) != std::string_view::npos) name.back() = '_';
  return is_device(name) ? "_" + name : name;
}

std::vector<std::string> file_names(const std::vector<std::string>& urls) {
  std::vector<std::string> names;
  names.reserve(urls.size());
  std::unordered_map<std::string, std::size_t> uses;
  for (const std::string& url : urls) {
    const std::optional<http::Url> parsed = parse(url);
    names.push_back(parsed ? short_name(*parsed) : "");
    ++uses[lower(names.back())];
  }
  std::unordered_set<std::string> taken;
  std::unordered_map<std::string, unsigned> last_number;
  // Names that are unique as they are come first: a number must not take one of them.
  for (const std::string& name : names) {
    if (uses[lower(name)] == 1) taken.insert(lower(name));
  }
  for (std::size_t i = 0; i < urls.size(); ++i) {
    if (names[i].empty() || uses[lower(names[i])] == 1) continue;
    const std::string whole = long_name(*parse(urls[i]));
    std::string name = whole;
    const std::size_t ending = ending_of(whole);
    unsigned& number = last_number.try_emplace(lower(whole), 1).first->second;
    while (!taken.insert(lower(name)).second) {
      name = whole.substr(0, ending) + "-" + std::to_string(++number) + whole.substr(ending);
    }
    names[i] = std::move(name);
  }
  return names;
}

}  // namespace asyncio::tool
