// The grammar of HTTP/1: Boost.Beast's basic_parser, given whole elements only.
//
// An element is a head, a chunk line (with the CRLF of the chunk before it), chunk data, or the
// last chunk line with its trailer section. Beast never sees half of one: its verdict may then
// depend on where the bytes were cut (boostorg/beast#2861). Only http1_engine.cpp includes Beast.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "asyncio/http/message.hpp"
#include "http/http1_parser.hpp"

namespace asyncio::http {

/// What the grammar found in the current message.
struct Http1Findings {
  RequestHead request;
  ResponseHead response;
  Headers trailers;
  Headers* fields = nullptr;  // where the next field goes
  std::string_view head;      // the bytes that `fields` has adopted
  std::size_t max_fields = 0;
  unsigned hosts = 0;  // fields seen, to be judged when the head is complete
  unsigned lengths = 0;
  unsigned codings = 0;
  bool upgrade_field = false;
  bool expect_continue = false;
  bool bad_host = false;    // one that is no host
  bool bad_length = false;  // one that is not just digits
  bool bad_coding = false;  // one that is not just "chunked"
  bool too_many_fields = false;
  std::optional<std::uint64_t> chunk;  // size of the chunk whose line was read last
};

class Http1Engine {
 public:
  Http1Engine() = default;
  Http1Engine(const Http1Engine&) = delete;
  Http1Engine& operator=(const Http1Engine&) = delete;
  ~Http1Engine() { drop(); }

  /// Begins a message with the head that put() is given next. `skip_body`: an answer to HEAD.
  void start_request(std::string_view head, std::size_t max_fields);
  void start_response(std::string_view head, std::size_t max_fields, bool skip_body);

  struct Result {
    std::size_t used = 0;  // of the element; on error the start of the offending line
    bool need_more = false;
    ParseErrorKind error = ParseErrorKind::none;
    const char* rule = "";  // the rule that was broken
  };
  Result put(std::string_view element);

  /// After the head.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool upgrade() const;  // Connection names upgrade
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;

  Http1Findings found;

 private:
  enum class Kind : std::uint8_t { none, request, response };
  template <bool is_request>
  class Grammar;
  template <class Use>
  auto visit(Use use) const;
  void reset_findings(Headers& into, std::string_view head, std::size_t max_fields);
  void drop() noexcept;

  static constexpr std::size_t kStorage = 128;
  Kind kind_ = Kind::none;
  alignas(std::max_align_t) mutable std::byte storage_[kStorage];
};

}  // namespace asyncio::http
