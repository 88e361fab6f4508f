#include "net/resolver_files.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <system_error>

namespace asyncio::detail {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";
constexpr std::size_t kMostServers = 8;
constexpr std::size_t kLongestName = 253;

// The next word of `rest`, which it is taken from; empty at the end.
std::string_view take_word(std::string_view& rest) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

template <class F>
void for_each_line(std::string_view text, F visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// "timeout:3" of "timeout"; false when it is another word.
bool take_number(std::string_view word, std::string_view name, int most, int& number) noexcept {
  if (!word.starts_with(name) || word.substr(name.size(), 1) != ":") return false;
  word.remove_prefix(name.size() + 1);
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc() && value >= 0) number = std::min(value, most);
  return true;
}

std::string in_small_letters(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

}  // namespace

// --- resolv.conf --------------------------------------------------------------------------------

ResolvConf ResolvConf::parse(std::string_view text) {
  ResolvConf conf;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with('#') || line.starts_with(';')) return;
    const std::string_view keyword = take_word(line);
    if (keyword == "nameserver") {
      SocketAddress address;
      const std::string_view server = take_word(line);
      const bool numeric = SocketAddress::parse(server, 0, address);
      if (numeric && conf.nameservers.size() < kMostServers) conf.nameservers.emplace_back(server);
    } else if (keyword == "search" || keyword == "domain") {
      conf.search.clear();  // the last one counts
      for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
        if (word != ".") conf.search.emplace_back(word);
        if (keyword == "domain") break;
      }
    } else if (keyword == "options") {
      conf.parse_options(line);
    }
  });
  return conf;
}

void ResolvConf::parse_options(std::string_view words) {
  for (auto word = take_word(words); !word.empty(); word = take_word(words)) {
    if (word == "rotate") rotate = true;
    // The limits are the C library's.
    if (take_number(word, "ndots", 15, ndots) || take_number(word, "timeout", 30, timeout_s)) {
      continue;
    }
    take_number(word, "attempts", 5, attempts);
  }
}

std::vector<std::string> ResolvConf::names_of(std::string_view host) const {
  if (host.ends_with('.')) return {std::string(host.substr(0, host.size() - 1))};
  std::vector<std::string> names;
  for (const std::string& domain : search) {
    std::string name = std::string(host) + "." + domain;
    if (name.size() <= kLongestName) names.push_back(std::move(name));
  }
  const bool first = std::count(host.begin(), host.end(), '.') >= ndots;
  names.emplace(first ? names.begin() : names.end(), host);
  return names;
}

// --- hosts --------------------------------------------------------------------------------------

Hosts Hosts::parse(std::string_view text) {
  Hosts hosts;
  for_each_line(text, [&](std::string_view line) {
    line = line.substr(0, line.find('#'));
    SocketAddress address;
    if (!SocketAddress::parse(take_word(line), 0, address)) return;
    for (auto name = take_word(line); !name.empty(); name = take_word(line)) {
      hosts.names_[in_small_letters(name)].push_back(address);
    }
  });
  return hosts;
}

std::vector<SocketAddress> Hosts::find(std::string_view name, int family) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto at = names_.find(std::string(name));
  if (at == names_.end()) return {};
  std::vector<SocketAddress> out = at->second;
  std::erase_if(out,
                [&](const auto& address) { return family != 0 && address.family() != family; });
  return out;
}

// --- files --------------------------------------------------------------------------------------

bool WatchedFile::changed() {
  std::error_code error;
  auto time = std::filesystem::last_write_time(path_, error);
  if (error) time = {};
  std::uintmax_t size = std::filesystem::file_size(path_, error);
  if (error) size = 0;
  const bool same = seen_ && time == time_ && size == size_;
  seen_ = true;
  time_ = time;
  size_ = size;
  return !same;
}

bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

int WatchedFile::read(std::string& text) {
  const int error = read_all(text);
  if (is_shortage(error)) seen_ = false;
  return error;
}

int WatchedFile::read_all(std::string& text) const {
  std::error_code error;
  const auto status = std::filesystem::status(path_, error);
  if (status.type() == std::filesystem::file_type::not_found) return ENOENT;
  if (status.type() == std::filesystem::file_type::directory) return EISDIR;
  errno = 0;
  std::ifstream file(path_, std::ios::binary);
  if (!file) return errno != 0 ? errno : EIO;
  text.assign(std::istreambuf_iterator<char>(file), {});
  return file.bad() ? EIO : 0;
}

}  // namespace asyncio::detail
