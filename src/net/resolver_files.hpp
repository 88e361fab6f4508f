// The files that say who is asked for names and what is known without asking: resolv.conf(5) and
// hosts(5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "asyncio/loop/socket_address.hpp"

namespace asyncio::detail {

/// What resolv.conf says, with the C library's values for what it does not.
struct ResolvConf {
  std::vector<std::string> nameservers;  ///< numeric, without a port
  std::vector<std::string> search;
  int ndots = 1;
  int timeout_s = 5;
  int attempts = 2;
  bool rotate = false;

  /// Unknown words are skipped, as the C library does.
  static ResolvConf parse(std::string_view text);
  /// What stands behind the word "options", or in RES_OPTIONS.
  void parse_options(std::string_view words);
  /// The names that `host` may stand for, in the order in which to ask: a final dot makes it
  /// complete, `ndots` dots make it come first as it is.
  [[nodiscard]] std::vector<std::string> names_of(std::string_view host) const;
};

/// Addresses by name. Lines without an address are skipped.
class Hosts {
 public:
  static Hosts parse(std::string_view text);
  /// In the order of the file; `name` in small letters, `family` 0 for any.
  [[nodiscard]] std::vector<SocketAddress> find(std::string_view name, int family) const;

 private:
  std::unordered_map<std::string, std::vector<SocketAddress>> names_;
};

/// Of an errno: something has run out and may be there again soon.
[[nodiscard]] bool is_shortage(int error) noexcept;

/// A text that is read again when its file has changed.
class WatchedFile {
 public:
  explicit WatchedFile(std::string_view path) : path_(path) {}

  /// Whether it has changed since the last call; the first time always. Looks at the file's time
  /// and size only.
  bool changed();
  /// Reads it. 0, or an errno: ENOENT when there is none. When descriptors or memory have run out,
  /// which says nothing of the file, it counts as changed.
  [[nodiscard]] int read(std::string& text);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  [[nodiscard]] int read_all(std::string& text) const;

  std::string path_;
  bool seen_ = false;
  std::filesystem::file_time_type time_;
  std::uintmax_t size_ = 0;
};

}  // namespace asyncio::detail
