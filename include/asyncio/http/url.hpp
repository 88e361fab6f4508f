// An absolute http or https URL, parsed once, kept in one string.
//
// What RFC 3986 allows is kept byte for byte: an escape is never decoded, encoded again or changed
// in case, since signed URLs depend on it. What browsers accept and the RFC does not (spaces, "|",
// quotes, brackets, non-ASCII, a stray "%") is escaped. Hosts are lower-cased and, when they are
// not ASCII, put through IDNA. Anything that two readers could take for two hosts is refused:
// "http://a\@b/" has host "a" as in a browser, "http://1.2.3/" and "http://0x7f000001/" are errors.
// Source: RFC 3986; WHATWG URL for the clean-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace asyncio::http {

/// Python: yarl.URL, as far as a client needs it.
class Url {
 public:
  /// Parses an absolute URL; spaces around it are dropped.
  /// Errors: InvalidURL, whose text names the URL and what is wrong with it;
  /// NonHttpUrlClientError (an InvalidURL) for a scheme that is not http or https.
  [[nodiscard]] static Url parse(std::string_view text);
  /// Also `Url url = "http://host/";`. Errors: as parse().
  Url(std::string_view text) : Url(parse(text)) {}    // NOLINT(google-explicit-constructor)
  Url(const char* text) : Url(parse(text)) {}         // NOLINT(google-explicit-constructor)
  Url(const std::string& text) : Url(parse(text)) {}  // NOLINT(google-explicit-constructor)

  /// What `reference` means when it stands in the document of this URL (RFC 3986 section 5): a
  /// Location header, a link. The fragment of this URL is not inherited.
  /// Errors: as parse(). Python: URL.join.
  [[nodiscard]] Url resolve(std::string_view reference) const;

  /// "http" or "https".
  [[nodiscard]] std::string_view scheme() const noexcept { return part(0, scheme_end_); }
  [[nodiscard]] bool is_https() const noexcept { return scheme_end_ == 5; }
  /// "user:password", escapes kept, or "".
  [[nodiscard]] std::string_view userinfo() const noexcept;
  /// User and password with escapes decoded, for the Authorization header; "" when absent.
  [[nodiscard]] std::string user() const;
  [[nodiscard]] std::string password() const;
  /// Lower-case ASCII name or address; an IPv6 address without its brackets.
  [[nodiscard]] std::string_view host() const noexcept;
  /// True when host() is an IPv4 or IPv6 address.
  [[nodiscard]] bool is_ip_address() const noexcept { return ip_; }
  /// The port, 80 or 443 when the URL names none.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// "host" or "host:port" as it belongs into the Host field: brackets kept, default port left out.
  [[nodiscard]] std::string_view host_port() const noexcept { return part(host_, path_); }

  /// At least "/". Escapes kept.
  [[nodiscard]] std::string_view path() const noexcept { return part(path_, path_end_); }
  /// Without "?"; "" when there is none or it is empty.
  [[nodiscard]] std::string_view query() const noexcept;
  /// Without "#"; "" when there is none or it is empty.
  [[nodiscard]] std::string_view fragment() const noexcept;
  /// "/path?query": what a request to the origin server sends.
  [[nodiscard]] std::string_view request_target() const noexcept { return part(path_, query_end_); }

  /// "http://host:port", default port left out, without userinfo: equal for URLs that may share
  /// cookies, credentials and connections.
  [[nodiscard]] std::string origin() const;
  /// Whether both have the same.
  [[nodiscard]] bool same_origin(const Url& other) const noexcept;

  /// The whole URL, normalised. to_string() of parse(u.to_string()) is u.to_string().
  [[nodiscard]] const std::string& to_string() const& noexcept { return text_; }
  [[nodiscard]] std::string to_string() && noexcept { return std::move(text_); }
  /// The same without userinfo and fragment: for logs and for the absolute form sent to a proxy.
  [[nodiscard]] std::string without_credentials() const;

  friend bool operator==(const Url& left, const Url& right) noexcept {
    return left.text_ == right.text_;
  }

 private:
  friend class UrlBuilder;
  Url() = default;
  [[nodiscard]] std::string_view part(std::size_t from, std::size_t to) const noexcept {
    return std::string_view(text_).substr(from, to - from);
  }

  // scheme "://" [userinfo "@"] host [":" port] path ["?" query] ["#" fragment]
  std::string text_;
  std::uint32_t scheme_end_ = 0;
  std::uint32_t host_ = 0;
  std::uint32_t host_end_ = 0;
  std::uint32_t path_ = 0;
  std::uint32_t path_end_ = 0;
  std::uint32_t query_end_ = 0;
  std::uint16_t port_ = 0;
  bool ip_ = false;
};

/// "a b" of "a%20b"; with `plus`, "+" is a space, as in a query. An escape that is none stays.
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus = false);

}  // namespace asyncio::http
