#include "asyncio/http/url.hpp"

#include <uriparser/Uri.h>

#include <limits>
#include <optional>

#include "asyncio/http/errors.hpp"
#include "http/chars.hpp"
#include "http/url_host.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// Whether `text` begins with "%41" or another escape.
bool is_escape(std::string_view text) {
  return text.size() > 2 && text[0] == '%' && chars::is(text[1], chars::kHexDigit) &&
         chars::is(text[2], chars::kHexDigit);
}

/// Appends `text`, escaping what the RFC does not allow there. Escapes stay as they are; a "%" that
/// begins none becomes "%25".
void append_escaped(std::string& out, std::string_view text, std::string_view besides) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool in_some = c == ':' || c == '@' || c == '/' || c == '?' || c == '%';
    if ((chars::is(c, chars::kUrl) && !in_some) || is_escape(text.substr(i)) ||
        besides.find(c) != kNone) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

constexpr std::string_view kInUserinfo = ":";
constexpr std::string_view kInPath = "\\:@/";  // the backslash becomes a slash later
constexpr std::string_view kInQuery = ":@/?";

std::string_view trim_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// The length of "scheme" when `text` begins with "scheme:", else npos.
std::size_t scheme_size(std::string_view text) {
  const auto is_letter = [](char c) { return chars::lower(c) >= 'a' && chars::lower(c) <= 'z'; };
  if (text.empty() || !is_letter(text.front())) return kNone;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') return i;
    if (!is_letter(c) && !chars::is(c, chars::kDigit) && c != '+' && c != '-' && c != '.') break;
  }
  return kNone;
}

bool is_slash(char c) { return c == '/' || c == '\\'; }

/// "path?query#fragment" taken apart; a part that is absent is not the same as an empty one.
struct Tail {
  std::string_view path;
  std::optional<std::string_view> query;
  std::optional<std::string_view> fragment;
};

Tail split_tail(std::string_view text) {
  Tail tail;
  if (const std::size_t hash = text.find('#'); hash != kNone) {
    tail.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != kNone) {
    tail.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  tail.path = text;
  return tail;
}

/// Backslashes in a path are slashes, as in every browser: "/\evil.example" is not a path.
void append_path(std::string& out, std::string_view path) {
  const std::size_t from = out.size();
  append_escaped(out, path, kInPath);
  for (std::size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\\') out[i] = '/';
  }
}

void append_query_and_fragment(std::string& out, const Tail& tail) {
  if (tail.query) append_escaped(out += '?', *tail.query, kInQuery);
  if (tail.fragment) append_escaped(out += '#', *tail.fragment, kInQuery);
}

/// A URI as uriparser sees it; its ranges point into the text it was parsed from.
class ParsedUri {
 public:
  ParsedUri() = default;
  ParsedUri(const ParsedUri&) = delete;
  ParsedUri& operator=(const ParsedUri&) = delete;
  ~ParsedUri() { uriFreeUriMembersA(&uri_); }

  [[nodiscard]] bool parse(std::string_view text) {
    const char* error_at = nullptr;
    return uriParseSingleUriExA(&uri_, text.data(), text.data() + text.size(), &error_at) ==
           URI_SUCCESS;
  }
  /// The reference `reference` seen from `base`, with "." and ".." removed.
  [[nodiscard]] bool resolve(const ParsedUri& reference, const ParsedUri& base) {
    return uriAddBaseUriA(&uri_, &reference.uri_, &base.uri_) == URI_SUCCESS;
  }
  [[nodiscard]] std::string path() const {
    std::string out;
    for (const UriPathSegmentA* segment = uri_.pathHead; segment; segment = segment->next) {
      out += '/';
      out.append(segment->text.first, segment->text.afterLast);
    }
    if (out.empty()) out = "/";
    return out;
  }
  [[nodiscard]] std::optional<std::string_view> query() const { return range(uri_.query); }
  [[nodiscard]] std::optional<std::string_view> fragment() const { return range(uri_.fragment); }

 private:
  static std::optional<std::string_view> range(const UriTextRangeA& text) {
    if (!text.first) return std::nullopt;
    return std::string_view(text.first, static_cast<std::size_t>(text.afterLast - text.first));
  }
  UriUriA uri_{};
};

bool has_dot_segment(std::string_view path) {
  for (std::size_t at = path.find("/."); at != kNone; at = path.find("/.", at + 1)) {
    std::string_view rest = path.substr(at + 2);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    if (rest.empty() || rest.front() == '/') return true;
  }
  return false;
}

}  // namespace

std::string percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_escape(text.substr(i))) {
      out += static_cast<char>(chars::hex_value(text[i + 1]) * 16 + chars::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

/// Puts a Url together, part by part, in the order of its text.
class UrlBuilder {
 public:
  /// `given` is what the caller passed, for messages.
  explicit UrlBuilder(std::string_view given) : given_(given) {}

  Url build(std::string_view text) {
    check_length_and_bytes(text);
    const std::string_view after_scheme = scheme(text);
    const std::size_t end = after_scheme.find_first_of("/\\?#");
    authority(after_scheme.substr(0, end));
    tail(end == kNone ? std::string_view() : after_scheme.substr(end));
    return std::move(url_);
  }

  /// The same scheme and authority as `base`, then "path?query#fragment".
  Url build_beside(const Url& base, std::string_view path_and_rest) {
    url_ = base;
    url_.text_.resize(url_.path_);
    tail(path_and_rest);
    return std::move(url_);
  }

  [[noreturn]] void fail(std::string_view what) const { throw InvalidURL(given_, what); }

  void check_length_and_bytes(std::string_view text) const {
    if (text.empty()) throw InvalidURL("(empty)", "a URL is needed, such as http://host/path");
    if (text.size() > 1024 * 1024) fail("longer than 1 MB");
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (static_cast<unsigned char>(text[i]) < 32 || text[i] == 127) {
        fail("a control byte (" + printable(text.substr(i, 1)) + ") at position " +
             std::to_string(i));
      }
    }
  }

 private:
  /// Writes "http://"; returns what comes after it.
  std::string_view scheme(std::string_view text) {
    const std::size_t size = scheme_size(text);
    // "host:8080/x" reads as a scheme "host" too; nobody means that.
    const bool port_follows =
        size != kNone && size + 1 < text.size() && chars::is(text[size + 1], chars::kDigit);
    if (size == kNone || port_follows) {
      fail("no scheme; did you mean http://" + printable(text, 200) + " ?");
    }
    const std::string_view name = text.substr(0, size);
    if (same_name(name, "http")) {
      url_.text_ = "http";
    } else if (same_name(name, "https")) {
      url_.text_ = "https";
    } else {
      throw NonHttpUrlClientError(given_, "scheme " + std::string(name) + " is not http or https");
    }
    url_.scheme_end_ = here();
    const std::string_view rest = text.substr(size + 1);
    if (rest.size() < 2 || !is_slash(rest[0]) || !is_slash(rest[1])) {
      fail("no // after " + url_.text_ + ":");
    }
    url_.text_.reserve(text.size() + 16);
    url_.text_ += "://";
    return rest.substr(2);
  }

  void authority(std::string_view text) {
    // The last "@" counts: a password may hold others, a host cannot.
    const std::size_t at = text.rfind('@');
    if (at != kNone && at > 0) {
      append_escaped(url_.text_, text.substr(0, at), kInUserinfo);
      url_.text_ += '@';
    }
    url_.host_ = here();
    std::string_view host = at == kNone ? text : text.substr(at + 1);
    std::string_view port;
    const std::size_t bracket = host.starts_with('[') ? host.rfind(']') : kNone;
    const std::size_t colon = host.find(':', bracket == kNone ? 0 : bracket);
    if (colon != kNone && (bracket != kNone || !host.starts_with('['))) {
      port = host.substr(colon + 1);
      host = host.substr(0, colon);
    }
    if (!host.starts_with('[') && port.find(':') != kNone) {
      fail("an IPv6 address must stand in [ ], and a port is one number");
    }
    std::string problem;
    UrlHost normal = normalize_host(host, problem);
    if (!problem.empty()) fail("the host " + problem);
    url_.text_ += normal.text;
    url_.ip_ = normal.ip;
    url_.host_end_ = here();
    set_port(port);
    url_.path_ = here();
  }

  void set_port(std::string_view text) {
    const unsigned usual = url_.is_https() ? 443 : 80;
    unsigned port = 0;
    for (const char c : text) {
      if (!chars::is(c, chars::kDigit)) fail("the port is not a number");
      port = port * 10 + static_cast<unsigned>(c - '0');
      if (port > 65535) fail("the port is larger than 65535");
    }
    if (text.empty()) port = usual;
    url_.port_ = static_cast<std::uint16_t>(port);
    if (port != usual) url_.text_.append(":").append(std::to_string(port));
  }

  void tail(std::string_view text) {
    const Tail parts = split_tail(text);
    append_path(url_.text_, parts.path);
    if (here() == url_.path_) url_.text_ += '/';
    remove_dot_segments();
    url_.path_end_ = here();
    Tail only;
    only.query = parts.query;
    append_query_and_fragment(url_.text_, only);
    url_.query_end_ = here();
    only.query.reset();
    only.fragment = parts.fragment;
    append_query_and_fragment(url_.text_, only);
    verify();
  }

  void remove_dot_segments() {
    const std::string path(url_.text_, url_.path_);
    if (!has_dot_segment(path)) return;
    ParsedUri whole;
    ParsedUri clean;
    if (!whole.parse(url_.text_) || !clean.resolve(whole, whole)) fail("not a URL");
    url_.text_.replace(url_.path_, std::string::npos, clean.path());
  }

  /// The clean-up must have left nothing that RFC 3986 refuses.
  void verify() const {
    ParsedUri whole;
    if (!whole.parse(url_.text_)) fail("not a URL by RFC 3986: " + url_.text_);
  }

  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(url_.text_.size()); }

  std::string_view given_;
  Url url_;
};

Url Url::parse(std::string_view text) { return UrlBuilder(text).build(trim_spaces(text)); }

Url Url::resolve(std::string_view reference) const {
  UrlBuilder builder(reference);
  const std::string_view text = trim_spaces(reference);
  if (text.empty()) return builder.build_beside(*this, request_target());
  builder.check_length_and_bytes(text);
  if (scheme_size(text) != kNone) return builder.build(text);
  if (text.size() > 1 && is_slash(text[0]) && is_slash(text[1])) {
    return builder.build(std::string(scheme()) + ":" + std::string(text));
  }
  const Tail parts = split_tail(text);
  std::string clean;
  // "a:b" would read as a scheme once it stands alone.
  if (parts.path.substr(0, parts.path.find_first_of("/\\")).find(':') != kNone) clean = "./";
  append_path(clean, parts.path);
  append_query_and_fragment(clean, parts);
  ParsedUri base;
  ParsedUri relative;
  ParsedUri result;
  if (!base.parse(text_) || !relative.parse(clean) || !result.resolve(relative, base)) {
    builder.fail("not a URL reference");
  }
  std::string target = result.path();
  if (const auto query = result.query()) target.append("?").append(*query);
  if (const auto fragment = result.fragment()) target.append("#").append(*fragment);
  return builder.build_beside(*this, target);
}

std::string_view Url::userinfo() const noexcept {
  const std::size_t from = scheme_end_ + 3;
  return host_ == from ? std::string_view() : part(from, host_ - 1);
}

std::string Url::user() const {
  const std::string_view info = userinfo();
  return percent_decode(info.substr(0, info.find(':')));
}

std::string Url::password() const {
  const std::string_view info = userinfo();
  const std::size_t colon = info.find(':');
  return colon == kNone ? std::string() : percent_decode(info.substr(colon + 1));
}

std::string_view Url::host() const noexcept {
  const std::string_view host = part(host_, host_end_);
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

std::string_view Url::query() const noexcept {
  return query_end_ == path_end_ ? std::string_view() : part(path_end_ + 1, query_end_);
}

std::string_view Url::fragment() const noexcept {
  return text_.size() == query_end_ ? std::string_view() : part(query_end_ + 1, text_.size());
}

std::string Url::origin() const {
  std::string out(scheme());
  out.append("://").append(host_port());
  return out;
}

bool Url::same_origin(const Url& other) const noexcept {
  return scheme() == other.scheme() && host_port() == other.host_port();
}

std::string Url::without_credentials() const { return origin().append(request_target()); }

}  // namespace asyncio::http
