// The grammar of HTTP/1: Boost.Beast's basic_parser, given whole elements only. Heads of the usual
// kind do not need it: see plain_head.hpp.
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

/// What a whole head says of the connection and of the body.
struct HeadSummary {
  bool keep_alive = false;
  bool upgrade = false;  // Connection names upgrade
  std::optional<std::uint64_t> length;
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

  /// put() of the head, always by Beast: for the test that compares.
  Result put_by_grammar(std::string_view head);

  /// After the head.
  [[nodiscard]] const HeadSummary& summary() const noexcept { return summary_; }
  /// Whether it was one that needs no grammar.
  [[nodiscard]] bool plain() const noexcept { return !has_grammar_; }

  Http1Findings found;

 private:
  enum class Kind : std::uint8_t { none, request, response };
  template <bool is_request>
  class Grammar;
  template <class Use>
  auto visit(Use use) const;
  void start(Kind kind, std::string_view head, std::size_t max_fields, bool skip_body);
  void reset_findings();
  bool read_plain(std::string_view head);
  void make_grammar();
  void drop() noexcept;

  static constexpr std::size_t kStorage = 128;
  HeadSummary summary_;
  Kind kind_ = Kind::none;
  bool skip_body_ = false;
  bool head_read_ = false;
  bool has_grammar_ = false;
  alignas(std::max_align_t) mutable std::byte storage_[kStorage];
};

}  // namespace asyncio::http
