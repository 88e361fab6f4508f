#include "http/http1_engine.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <new>

#include "http/chars.hpp"
#include "http/head_checks.hpp"
#include "http/plain_head.hpp"

namespace asyncio::http {
namespace {

namespace beast = boost::beast::http;
using boost::beast::error_code;
using Kind = ParseErrorKind;
using Text = boost::beast::string_view;

std::string_view view(Text text) { return {text.data(), text.size()}; }

HttpVersion make_version(int number) {
  return {static_cast<std::uint8_t>(number / 10), static_cast<std::uint8_t>(number % 10)};
}

void note_field(Http1Findings& found, beast::field known, std::string_view value) {
  switch (known) {
    case beast::field::host:
      found.bad_host = found.bad_host || !is_valid_host_field(value);
      ++found.hosts;
      break;
    case beast::field::content_length:
      // "4, 4" is one length to some readers and none to others.
      found.bad_length = found.bad_length || !chars::all(value, chars::kDigit);
      ++found.lengths;
      break;
    case beast::field::transfer_encoding:
      found.bad_coding = found.bad_coding || !same_name(value, "chunked");
      ++found.codings;
      break;
    case beast::field::upgrade:
      found.upgrade_field = true;
      break;
    case beast::field::expect:
      found.expect_continue = found.expect_continue || same_name(value, "100-continue");
      break;
    default:
      break;
  }
}

struct Rule {
  Kind kind;
  const char* text;
};

Rule rule_of(const error_code& ec) {
  using beast::error;
  if (ec == error::bad_version) return {Kind::bad_version, "HTTP version not supported"};
  if (ec == error::bad_method) return {Kind::bad_first_line, "bad method"};
  if (ec == error::bad_target) return {Kind::bad_target, "bad request target"};
  if (ec == error::bad_status) return {Kind::bad_first_line, "bad status"};
  if (ec == error::bad_reason) return {Kind::bad_first_line, "bad reason"};
  if (ec == error::bad_content_length || ec == error::multiple_content_length) {
    return {Kind::bad_content_length, "bad Content-Length"};
  }
  if (ec == error::bad_transfer_encoding) {
    return {Kind::bad_transfer_encoding, "bad Transfer-Encoding"};
  }
  if (ec == error::bad_line_ending) return {Kind::bad_line_ending, "bad line ending"};
  if (ec == error::bad_chunk || ec == error::bad_chunk_extension) {
    return {Kind::bad_chunk, "bad chunk size or extension"};
  }
  if (ec == error::bad_value) return {Kind::bad_field, "bad header value"};
  return {Kind::bad_field, "bad header"};
}

}  // namespace

/// Beast's parser with its events written into Http1Findings.
template <bool is_request>
class Http1Engine::Grammar final : public beast::basic_parser<is_request> {
 public:
  explicit Grammar(Http1Findings& found) : found_(found) {
    this->header_limit(0xffffffffU);  // limits are Http1Parser's
    this->body_limit(boost::none);
  }

 private:
  void on_request_impl(beast::verb, Text method, Text target, int version, error_code&) override {
    found_.request.method = view(method);
    found_.request.target = view(target);
    found_.request.version = make_version(version);
  }
  void on_response_impl(int status, Text reason, int version, error_code&) override {
    found_.response.status = status;
    found_.response.reason = view(reason);
    found_.response.version = make_version(version);
  }
  void on_field_impl(beast::field known, Text name, Text value, error_code& ec) override {
    if (found_.fields->size() >= found_.max_fields) {
      found_.too_many_fields = true;
      ec = beast::error::header_limit;
      return;
    }
    note_field(found_, known, view(value));
    found_.fields->append_from(found_.head, view(name), view(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text text, error_code&) override { return text.size(); }
  void on_chunk_header_impl(std::uint64_t size, Text, error_code&) override { found_.chunk = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text text, error_code&) override {
    return text.size();
  }
  void on_finish_impl(error_code&) override {}

  Http1Findings& found_;
};

template <class Use>
auto Http1Engine::visit(Use use) const {
  if (kind_ == Kind::request) {
    return use(*std::launder(reinterpret_cast<Grammar<true>*>(storage_)));
  }
  return use(*std::launder(reinterpret_cast<Grammar<false>*>(storage_)));
}

void Http1Engine::drop() noexcept {
  if (has_grammar_) visit([](auto& grammar) { std::destroy_at(&grammar); });
  has_grammar_ = false;
}

void Http1Engine::reset_findings() {
  found.fields->adopt(found.head);
  found.trailers.clear();
  found.hosts = found.lengths = found.codings = 0;
  found.upgrade_field = found.expect_continue = false;
  found.bad_host = found.bad_length = found.bad_coding = found.too_many_fields = false;
  found.chunk.reset();
}

void Http1Engine::start(Kind kind, std::string_view head, std::size_t max_fields, bool skip_body) {
  drop();
  kind_ = kind;
  skip_body_ = skip_body;
  head_read_ = false;
  found.fields = kind == Kind::request ? &found.request.headers : &found.response.headers;
  found.head = head;
  found.max_fields = max_fields;
  reset_findings();
}

void Http1Engine::start_request(std::string_view head, std::size_t max_fields) {
  start(Kind::request, head, max_fields, false);
}

void Http1Engine::start_response(std::string_view head, std::size_t max_fields, bool skip_body) {
  start(Kind::response, head, max_fields, skip_body);
}

void Http1Engine::make_grammar() {
  static_assert(sizeof(Grammar<true>) <= kStorage && sizeof(Grammar<false>) <= kStorage);
  if (kind_ == Kind::request) {
    new (storage_) Grammar<true>(found);
  } else {
    auto* grammar = new (storage_) Grammar<false>(found);
    if (skip_body_) grammar->skip(true);
  }
  has_grammar_ = true;
}

bool Http1Engine::read_plain(std::string_view head) {
  summary_ = {};
  const bool plain = kind_ == Kind::request
                         ? read_plain_request(head, found, summary_)
                         : read_plain_response(head, skip_body_, found, summary_);
  if (!plain) reset_findings();
  return plain;
}

Http1Engine::Result Http1Engine::put(std::string_view element) {
  if (!head_read_ && read_plain(element)) {
    head_read_ = true;
    return {.used = element.size()};
  }
  return put_by_grammar(element);
}

Http1Engine::Result Http1Engine::put_by_grammar(std::string_view element) {
  if (!has_grammar_) make_grammar();
  error_code ec;
  Result result;
  const boost::asio::const_buffer buffer(element.data(), element.size());
  result.used = visit([&](auto& grammar) { return grammar.put(buffer, ec); });
  if (ec == beast::error::need_more) {
    result.need_more = true;
  } else if (ec) {
    const Rule rule = rule_of(ec);
    result.error = rule.kind;
    result.rule = rule.text;
  } else if (!head_read_) {
    head_read_ = true;
    visit([&](const auto& grammar) {
      const auto length = grammar.content_length();
      summary_ = {grammar.keep_alive(), grammar.upgrade(), std::nullopt};
      if (length) summary_.length = *length;
    });
  }
  return result;
}

}  // namespace asyncio::http
