// Cuts the bytes of a connection into the elements of HTTP/1 (head, chunk line, trailer section),
// gives each whole element to the grammar, and applies the checks and limits that the grammar
// leaves to its users. Cutting is done here, so the verdict cannot depend on how the bytes arrived.
#include "http/http1_parser.hpp"

#include <algorithm>
#include <limits>

#include "http/chars.hpp"
#include "http/head_checks.hpp"
#include "http/head_repair.hpp"
#include "http/head_scan.hpp"
#include "http/http1_engine.hpp"

namespace asyncio::http {
namespace {

using Kind = ParseErrorKind;

constexpr std::size_t kNone = std::string_view::npos;
/// Blank lines before a message that we step over; RFC 9112 2.2 asks for one.
constexpr int kLeadingLines = 4;

/// Empties a buffer, and frees it when it is too large to be kept by an idle connection.
void release(std::string& buffer) {
  constexpr std::size_t kKeep = 512;
  buffer.clear();
  if (buffer.capacity() > kKeep) std::string().swap(buffer);
}

int status_of(Kind kind) {
  switch (kind) {
    case Kind::first_line_too_long:
      return 414;
    case Kind::head_too_large:
    case Kind::too_many_fields:
    case Kind::trailers_too_large:
      return 431;
    case Kind::body_too_large:
      return 413;
    default:
      return 400;
  }
}

}  // namespace

ParserLimits server_limits() noexcept {
  ParserLimits limits;
  limits.head = 32 * 1024;
  return limits;
}

ParserLimits client_limits() noexcept { return {}; }

// ---------------------------------------------------------------------------------------------

class Http1Parser::Impl {
 public:
  explicit Impl(const ParserLimits& limits) : limits_(limits), body_limit_(limits.body) {}
  Impl(const Impl&) = delete;  // the engine points at its findings
  Impl& operator=(const Impl&) = delete;

  enum class State : std::uint8_t {
    idle,  // start_*() has not been called
    head,
    after_head,  // the head was reported; what follows is decided by framing_
    body_length,
    body_until_end,
    chunk_line,
    chunk_data,
    chunk_end,  // the CRLF after the data
    trailers,
    complete,
    error,
  };
  enum class Framing : std::uint8_t { none, length, chunked, until_end };

  void start(HeadScan::Role role);
  Event next(std::string_view& bytes);
  Event eof();
  [[noreturn]] void raise() const;

  // Read by the facade's one-line functions.
  ParserLimits limits_;
  std::optional<std::uint64_t> body_limit_;
  Http1Engine engine_;
  Http1Findings& found_ = engine_.found;
  std::string_view body_;
  ParseError error_;
  std::string method_;  // client: of the request
  State state_ = State::idle;
  Framing framing_ = Framing::none;
  bool upgrade_asked_ = false;
  bool keep_alive_ = false;
  bool upgrade_ = false;
  bool repaired_ = false;
  bool started_ = false;
  std::uint64_t length_ = 0;

 private:
  using Role = HeadScan::Role;

  Event fail(Kind kind, std::uint64_t at, std::string_view rule, std::string_view excerpt = {});
  bool skip_blank_lines(std::string_view& bytes);
  Event read_head(std::string_view& bytes);
  Event parse_head(std::string_view head);
  bool run_grammar(std::string_view head);
  bool strict_request_checks(std::string_view head);
  bool strict_response_checks(std::string_view head);
  bool repair_and_run(std::string_view head);
  Event finish_head();
  Event finish_interim();
  void decide_framing();
  Event begin_body();
  Event read_counted(std::string_view& bytes);
  Event read_until_end(std::string_view& bytes);
  enum class Line : std::uint8_t { more, whole, bad, too_long };
  Line collect_line(std::string_view& bytes, std::size_t room);
  Event read_chunk_line(std::string_view& bytes);
  Event parse_chunk_line();
  Event read_chunk_data(std::string_view& bytes);
  Event read_chunk_end(std::string_view& bytes);
  Event read_trailers(std::string_view& bytes);
  Event finish_trailers();
  bool count_body(std::uint64_t more);
  /// Where in the message element_[at] was: the same however much of a line came at once.
  [[nodiscard]] std::uint64_t offset_of(std::size_t at) const {
    return offset_ - (element_.size() - at);
  }
  void use(std::string_view& bytes, std::size_t size) {
    offset_ += size;
    bytes.remove_prefix(size);
  }

  HeadScan scan_;
  std::string carry_;    // the part of a head that came in earlier calls
  std::string element_;  // the chunk line, or the trailer section, being collected
  Role role_ = Role::server;
  bool leading_cr_ = false;
  bool crlf_before_chunk_ = false;
  bool line_cr_ = false;  // the line being collected ends with a CR so far
  int leading_lines_ = 0;
  std::size_t interim_ = 0;
  std::uint64_t offset_ = 0;      // bytes of this message used so far
  std::uint64_t left_ = 0;        // of the body or the chunk
  std::uint64_t body_bytes_ = 0;  // given out or announced
  std::size_t trailers_at_ = 0;   // where in element_ the trailer section starts
  std::size_t trailer_line_ = 0;  // and the line of it that is being collected
};

void Http1Parser::Impl::start(Role role) {
  role_ = role;
  state_ = State::head;
  framing_ = Framing::none;
  keep_alive_ = upgrade_ = repaired_ = started_ = false;
  leading_cr_ = crlf_before_chunk_ = line_cr_ = false;
  leading_lines_ = 0;
  interim_ = 0;
  offset_ = left_ = body_bytes_ = length_ = 0;
  error_.kind = Kind::none;
  body_limit_ = limits_.body;
  body_ = {};
  release(carry_);
  release(element_);
  scan_.reset(role);
}

Http1Parser::Event Http1Parser::Impl::next(std::string_view& bytes) {
  while (true) {
    Event event = Event::need_more;
    switch (state_) {
      case State::idle:
        return fail(Kind::bad_first_line, 0, "bytes where no message was expected", bytes);
      case State::head:
        event = read_head(bytes);
        break;
      case State::after_head:
        event = begin_body();
        break;
      case State::body_length:
        return read_counted(bytes);
      case State::body_until_end:
        return read_until_end(bytes);
      case State::chunk_line:
        event = read_chunk_line(bytes);
        break;
      case State::chunk_data:
        return read_chunk_data(bytes);
      case State::chunk_end:
        event = read_chunk_end(bytes);
        break;
      case State::trailers:
        event = read_trailers(bytes);
        break;
      case State::complete:
        return Event::complete;
      case State::error:
        return Event::error;
    }
    // need_more with bytes left: the element is used up and the next state goes on with them.
    if (event != Event::need_more || bytes.empty()) return event;
  }
}

Http1Parser::Event Http1Parser::Impl::fail(Kind kind, std::uint64_t at, std::string_view rule,
                                           std::string_view excerpt) {
  state_ = State::error;
  keep_alive_ = false;
  error_.kind = kind;
  error_.status = status_of(kind);
  error_.offset = at;
  error_.message = rule;
  error_.message += " at byte " + std::to_string(at);
  if (!excerpt.empty()) error_.message += ": \"" + printable(excerpt, 40) + '"';
  return Event::error;
}

// Head ------------------------------------------------------------------------------------------

bool Http1Parser::Impl::skip_blank_lines(std::string_view& bytes) {
  while (!started_ && !bytes.empty()) {
    const char c = bytes.front();
    if (leading_cr_ && c != '\n') {
      fail(Kind::bad_line_ending, offset_, "CR without LF before the message", bytes);
      return false;
    }
    if (c == '\n' && (leading_cr_ || role_ == Role::client)) {
      leading_cr_ = false;
      repaired_ = role_ == Role::client;
      if (++leading_lines_ > kLeadingLines) {
        fail(Kind::bad_first_line, offset_, "too many blank lines before the message");
        return false;
      }
    } else if (c == '\r') {
      leading_cr_ = true;
    } else {
      started_ = true;
      break;
    }
    use(bytes, 1);
  }
  return true;
}

Http1Parser::Event Http1Parser::Impl::read_head(std::string_view& bytes) {
  if (!skip_blank_lines(bytes)) return Event::error;
  if (bytes.empty()) return Event::need_more;
  // A head that is whole in the caller's buffer is parsed there; only one in pieces is copied.
  const std::size_t before = carry_.size();
  std::string_view text = bytes;
  if (before != 0) {
    carry_.append(bytes.substr(0, limits_.head - before));
    text = carry_;
  }
  switch (scan_.scan(text, limits_)) {
    case HeadScan::Found::error:
      return fail(scan_.error(), offset_ - before + scan_.error_at(), scan_.error_text(),
                  text.substr(std::min(scan_.error_at(), text.size())));
    case HeadScan::Found::more:
      if (before == 0) carry_.assign(bytes);
      use(bytes, bytes.size());
      return Event::need_more;
    case HeadScan::Found::end:
      break;
  }
  const std::size_t size = scan_.size();
  offset_ -= before;
  const Event event = parse_head(text.substr(0, size));
  if (event == Event::error) return event;
  offset_ += size;
  bytes.remove_prefix(size - before);
  release(carry_);
  return event;
}

Http1Parser::Event Http1Parser::Impl::parse_head(std::string_view head) {
  Headers& fields = role_ == Role::server ? found_.request.headers : found_.response.headers;
  fields.reserve(std::min(scan_.field_lines(), limits_.fields), head.size());
  if (role_ == Role::server) {
    if (!run_grammar(head) || !strict_request_checks(head)) return Event::error;
  } else if (scan_.bare_lf() || !run_grammar(head) || !strict_response_checks(head)) {
    if (!repair_and_run(head)) return Event::error;
  }
  return finish_head();
}

/// Parses a whole head. On error the offence is the line where the grammar stopped.
bool Http1Parser::Impl::run_grammar(std::string_view head) {
  if (role_ == Role::server) {
    engine_.start_request(head, limits_.fields);
  } else {
    engine_.start_response(head, limits_.fields, method_ == "HEAD");
  }
  const Http1Engine::Result result = engine_.put(head);
  if (result.error == Kind::none && !result.need_more) return true;
  const std::size_t at = result.used;
  const std::string_view line = head.substr(at, head.find('\n', at) - at + 1);
  if (found_.too_many_fields) {
    fail(Kind::too_many_fields, offset_ + at,
         "more than " + std::to_string(limits_.fields) + " headers", line);
  } else {
    fail(result.error == Kind::none ? Kind::bad_field : result.error, offset_ + at, result.rule,
         line);
  }
  return false;
}

bool Http1Parser::Impl::strict_request_checks(std::string_view head) {
  const RequestHead& request = found_.request;
  const bool http11 = request.version == HttpVersion11;
  const auto refuse = [&](Kind kind, const char* rule, std::string_view field) {
    // The field's line, for offset and excerpt; found again, since this is not the fast path.
    std::size_t at = head.find('\n') + 1;
    if (field.empty()) at = 0;
    while (!field.empty() && at < head.size() && !same_name(head.substr(at, field.size()), field)) {
      at = head.find('\n', at) + 1;
    }
    if (at >= head.size()) at = 0;
    fail(kind, offset_ + at, rule, head.substr(at, head.find('\n', at) - at + 1));
    return false;
  };
  if (const char* wrong = check_target(request.method, request.target)) {
    return refuse(Kind::bad_target, wrong, {});
  }
  if (found_.hosts > 1) return refuse(Kind::bad_host, "more than one Host", "Host");
  if (found_.hosts == 0 && http11) return refuse(Kind::bad_host, "no Host", {});
  if (found_.bad_host) return refuse(Kind::bad_host, "bad Host", "Host");
  if (found_.codings != 0 && (found_.bad_coding || found_.codings > 1 || !http11)) {
    return refuse(
        Kind::bad_transfer_encoding,
        http11 ? "Transfer-Encoding is not just chunked" : "Transfer-Encoding in HTTP/1.0",
        "Transfer-Encoding");
  }
  if (found_.bad_length || found_.lengths > 1) {
    return refuse(Kind::bad_content_length, "bad Content-Length", "Content-Length");
  }
  if (request.method == "CONNECT" && (found_.codings != 0 || found_.lengths != 0)) {
    return refuse(Kind::bad_first_line, "CONNECT with a body", {});
  }
  return true;
}

bool Http1Parser::Impl::strict_response_checks(std::string_view head) {
  const ResponseHead& response = found_.response;
  if (response.status < 100) {
    fail(Kind::bad_first_line, offset_, "bad status", head.substr(0, head.find('\n')));
    return false;
  }
  if (found_.codings > 1 || found_.bad_coding) {
    fail(Kind::bad_transfer_encoding, offset_, "Transfer-Encoding is not just chunked");
    return false;
  }
  if (found_.lengths > 1 || found_.bad_length) {
    fail(Kind::bad_content_length, offset_, "bad Content-Length");
    return false;
  }
  // Framing by chunks is not known in 1.0: the sender is confused, the connection ends after this.
  if (found_.codings != 0 && response.version == HttpVersion10) repaired_ = true;
  return true;
}

/// Second try for an answer. When it fails too, the first error is the one to report.
bool Http1Parser::Impl::repair_and_run(std::string_view head) {
  const ParseError first = error_;
  const std::optional<std::string> repaired = repair_response_head(head);
  error_.kind = Kind::none;
  state_ = State::head;
  if (repaired && run_grammar(*repaired) && strict_response_checks(*repaired)) {
    repaired_ = true;
    return true;
  }
  if (first.kind != Kind::none) {
    error_ = first;
  } else if (error_.kind == Kind::none) {
    fail(Kind::bad_field, offset_, "bad header: it has a NUL", head.substr(0, head.find('\n')));
  }
  state_ = State::error;
  return false;
}

Http1Parser::Event Http1Parser::Impl::finish_head() {
  if (role_ == Role::client && found_.response.status / 100 == 1) {
    if (found_.response.status != 101) return finish_interim();
    if (!upgrade_asked_) {
      return fail(Kind::unexpected_upgrade, offset_, "101 Switching Protocols without asking");
    }
  }
  decide_framing();
  const bool upgrade_wanted =
      role_ == Role::server &&
      (found_.request.method == "CONNECT" ||
       (found_.upgrade_field && engine_.summary().upgrade && framing_ == Framing::none &&
        found_.request.version == HttpVersion11));
  const bool upgraded =
      role_ == Role::client && (found_.response.status == 101 ||
                                (method_ == "CONNECT" && found_.response.status / 100 == 2));
  upgrade_ = upgrade_wanted || upgraded;
  keep_alive_ = engine_.summary().keep_alive && framing_ != Framing::until_end && !repaired_ &&
                !upgraded && !(role_ == Role::server && found_.request.method == "CONNECT");
  found_.expect_continue =
      found_.expect_continue && role_ == Role::server && found_.request.version == HttpVersion11;
  found_.fields = &found_.trailers;
  found_.head = {};
  state_ = State::after_head;
  return Event::head;
}

Http1Parser::Event Http1Parser::Impl::finish_interim() {
  if (++interim_ > limits_.interim) {
    return fail(Kind::too_many_interim, offset_,
                "more than " + std::to_string(limits_.interim) + " interim answers");
  }
  scan_.reset(role_);
  return Event::interim;
}

void Http1Parser::Impl::decide_framing() {
  const bool body = role_ == Role::server || response_has_body(method_, found_.response.status);
  const std::optional<std::uint64_t> announced = engine_.summary().length;
  length_ = announced ? *announced : 0;
  if (!body) {
    framing_ = Framing::none;
  } else if (found_.codings != 0) {
    framing_ = Framing::chunked;
  } else if (announced) {
    framing_ = Framing::length;
  } else {
    framing_ = role_ == Role::server ? Framing::none : Framing::until_end;
  }
}

// Body ------------------------------------------------------------------------------------------

Http1Parser::Event Http1Parser::Impl::begin_body() {
  switch (framing_) {
    case Framing::none:
      break;
    case Framing::length:
      if (!count_body(length_)) return Event::error;
      left_ = length_;
      if (left_ == 0) break;
      state_ = State::body_length;
      return Event::need_more;
    case Framing::chunked:
      state_ = State::chunk_line;
      element_.clear();
      return Event::need_more;
    case Framing::until_end:
      state_ = State::body_until_end;
      return Event::need_more;
  }
  state_ = State::complete;
  return Event::complete;
}

bool Http1Parser::Impl::count_body(std::uint64_t more) {
  if (body_limit_ && (more > *body_limit_ || body_bytes_ > *body_limit_ - more)) {
    fail(Kind::body_too_large, offset_,
         "body over the limit of " + std::to_string(*body_limit_) + " bytes");
    return false;
  }
  body_bytes_ += more;
  return true;
}

Http1Parser::Event Http1Parser::Impl::read_counted(std::string_view& bytes) {
  if (bytes.empty()) return Event::need_more;
  body_ = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  use(bytes, body_.size());
  left_ -= body_.size();
  if (left_ == 0) state_ = State::complete;
  return Event::body;
}

Http1Parser::Event Http1Parser::Impl::read_until_end(std::string_view& bytes) {
  if (bytes.empty()) return Event::need_more;
  // Up to the limit first: what is given out must not depend on how much came at once.
  const std::uint64_t room = body_limit_ ? *body_limit_ - body_bytes_ : bytes.size();
  body_ = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size())));
  if (!count_body(std::max<std::uint64_t>(body_.size(), 1))) return Event::error;
  use(bytes, body_.size());
  return Event::body;
}

/// Moves a line, up to and with its CRLF, from `bytes` to element_. Control bytes, a bare LF and a
/// CR that gets no LF end it where they stand, without waiting for more.
Http1Parser::Impl::Line Http1Parser::Impl::collect_line(std::string_view& bytes, std::size_t room) {
  while (!bytes.empty()) {
    if (line_cr_) {
      if (bytes.front() != '\n') return Line::bad;
      line_cr_ = false;
      element_ += '\n';
      use(bytes, 1);
      return Line::whole;
    }
    const std::size_t text = std::min(chars::find_not(bytes, chars::kFieldValue), bytes.size());
    if (text >= room) return Line::too_long;
    element_.append(bytes.substr(0, text));
    use(bytes, text);
    room -= text;
    if (bytes.empty()) return Line::more;
    if (bytes.front() != '\r') return Line::bad;
    line_cr_ = true;
    element_ += '\r';
    use(bytes, 1);
  }
  return Line::more;
}

Http1Parser::Event Http1Parser::Impl::read_chunk_line(std::string_view& bytes) {
  const std::size_t line_at = crlf_before_chunk_ ? 2 : 0;
  switch (collect_line(bytes, limits_.chunk_line - (element_.size() - line_at))) {
    case Line::more:
      return Event::need_more;
    case Line::whole:
      return parse_chunk_line();
    case Line::bad:
      return fail(Kind::bad_chunk, offset_, "bad chunk line", element_.substr(line_at));
    case Line::too_long:
      break;
  }
  return fail(Kind::chunk_line_too_long, offset_of(line_at), "chunk line too long",
              element_.substr(line_at));
}

/// element_ is CRLF (after the first chunk) and one line. The grammar judges size and extensions.
Http1Parser::Event Http1Parser::Impl::parse_chunk_line() {
  const std::string_view line = std::string_view(element_).substr(crlf_before_chunk_ ? 2 : 0);
  const std::uint64_t at = offset_ - line.size();
  const std::size_t nonzero = line.find_first_not_of('0');
  const bool last = nonzero != 0 && std::string_view("\r; \t").find(line[nonzero]) != kNone;
  found_.chunk.reset();
  const Http1Engine::Result result = engine_.put(element_);
  if (last && result.need_more) {
    // The grammar wants the whole trailer section behind the last chunk line, in one piece.
    state_ = State::trailers;
    trailers_at_ = trailer_line_ = element_.size();
    return Event::need_more;
  }
  if (result.error != Kind::none || !found_.chunk || result.used != element_.size()) {
    return fail(Kind::bad_chunk, at, "bad chunk size or extension", line);
  }
  left_ = *found_.chunk;
  if (left_ > std::numeric_limits<std::uint64_t>::max() / 2) {
    return fail(Kind::bad_chunk, at, "chunk size out of range", line);
  }
  if (!count_body(left_)) return Event::error;
  state_ = State::chunk_data;
  return Event::need_more;
}

Http1Parser::Event Http1Parser::Impl::read_chunk_data(std::string_view& bytes) {
  if (bytes.empty()) return Event::need_more;
  body_ = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  engine_.put(body_);
  use(bytes, body_.size());
  left_ -= body_.size();
  if (left_ == 0) {
    state_ = State::chunk_end;
    element_.clear();
  }
  return Event::body;
}

Http1Parser::Event Http1Parser::Impl::read_chunk_end(std::string_view& bytes) {
  constexpr std::string_view kEnd = "\r\n";
  while (!bytes.empty() && element_.size() < kEnd.size()) {
    if (bytes.front() != kEnd[element_.size()]) {
      return fail(Kind::bad_chunk, offset_, "chunk longer than it says", bytes);
    }
    element_ += bytes.front();
    use(bytes, 1);
  }
  if (element_.size() == kEnd.size()) {
    crlf_before_chunk_ = true;
    state_ = State::chunk_line;
  }
  return Event::need_more;
}

Http1Parser::Event Http1Parser::Impl::read_trailers(std::string_view& bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(element_.size() - trailers_at_, limits_.trailers);
    const Line result = collect_line(bytes, limits_.trailers - size);
    if (result == Line::more) break;
    if (result == Line::too_long) {
      return fail(Kind::trailers_too_large, offset_of(trailers_at_), "trailers too large");
    }
    const std::string_view line = std::string_view(element_).substr(trailer_line_);
    const bool folded = !line.empty() && chars::is(line.front(), chars::kSpace);
    if (result == Line::bad || folded) {
      return fail(Kind::bad_trailer, offset_, "bad trailer line", line);
    }
    if (line.size() == 2) return finish_trailers();
    trailer_line_ = element_.size();
  }
  return Event::need_more;
}

Http1Parser::Event Http1Parser::Impl::finish_trailers() {
  const Http1Engine::Result result = engine_.put(element_);
  if (found_.too_many_fields) {
    return fail(Kind::too_many_fields, offset_, "too many trailers");
  }
  if (result.error != Kind::none || result.used != element_.size()) {
    return fail(Kind::bad_trailer, offset_ - element_.size(), "bad last chunk or trailer",
                element_);
  }
  state_ = State::complete;
  return Event::complete;
}

// End -------------------------------------------------------------------------------------------

Http1Parser::Event Http1Parser::Impl::eof() {
  switch (state_) {
    case State::idle:
    case State::head:
      if (!started_ && interim_ == 0) {
        return fail(Kind::closed_before_message, offset_, "connection closed before a message");
      }
      return fail(Kind::closed_in_head, offset_, "connection closed in the middle of the head");
    case State::after_head:
      if (begin_body() != Event::need_more) {
        return state_ == State::error ? Event::error : Event::complete;
      }
      return eof();
    case State::body_length:
      return fail(Kind::closed_in_body, offset_,
                  "connection closed after " + std::to_string(length_ - left_) + " of " +
                      std::to_string(length_) + " bytes of body");
    case State::body_until_end:
      state_ = State::complete;
      return Event::complete;
    case State::chunk_line:
    case State::chunk_data:
    case State::chunk_end:
    case State::trailers:
      return fail(Kind::closed_in_body, offset_, "connection closed before the last chunk");
    case State::complete:
      return Event::complete;
    case State::error:
      return Event::error;
  }
  return Event::error;
}

void Http1Parser::Impl::raise() const {
  const std::string& text = error_.message;
  const int status = error_.status;
  switch (error_.kind) {
    case Kind::closed_before_message:
    case Kind::closed_in_head:
      throw ServerDisconnectedError(text);
    case Kind::not_http:
    case Kind::bad_first_line:
    case Kind::bad_version:
    case Kind::bad_target:
      throw BadStatusLine(text, status);
    case Kind::bad_host:
    case Kind::bad_field:
      throw InvalidHeader(text, status);
    case Kind::first_line_too_long:
    case Kind::head_too_large:
    case Kind::too_many_fields:
    case Kind::chunk_line_too_long:
    case Kind::trailers_too_large:
      throw LineTooLong(text, status);
    case Kind::bad_content_length:
    case Kind::body_too_large:
      throw ContentLengthError(text, status);
    case Kind::closed_in_body:
      if (framing_ == Framing::length) throw ContentLengthError(text, status);
      throw TransferEncodingError(text, status);
    case Kind::bad_transfer_encoding:
    case Kind::bad_chunk:
    case Kind::bad_trailer:
      throw TransferEncodingError(text, status);
    default:
      throw BadHttpMessage(text, status);
  }
}

// The facade --------------------------------------------------------------------------------------

Http1Parser::Http1Parser(const ParserLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
Http1Parser::Http1Parser(Http1Parser&&) noexcept = default;
Http1Parser& Http1Parser::operator=(Http1Parser&&) noexcept = default;
Http1Parser::~Http1Parser() = default;

void Http1Parser::start_request() { impl_->start(HeadScan::Role::server); }

void Http1Parser::start_response(std::string_view method, bool upgrade_asked) {
  impl_->start(HeadScan::Role::client);
  impl_->method_ = method;
  impl_->upgrade_asked_ = upgrade_asked;
}

Http1Parser::Event Http1Parser::next(std::string_view& bytes) { return impl_->next(bytes); }
Http1Parser::Event Http1Parser::eof() { return impl_->eof(); }
void Http1Parser::raise() const { impl_->raise(); }

const RequestHead& Http1Parser::request() const noexcept { return impl_->found_.request; }
const ResponseHead& Http1Parser::response() const noexcept { return impl_->found_.response; }
RequestHead Http1Parser::take_request() noexcept { return std::move(impl_->found_.request); }
ResponseHead Http1Parser::take_response() noexcept { return std::move(impl_->found_.response); }
std::string_view Http1Parser::body() const noexcept { return impl_->body_; }
const Headers& Http1Parser::trailers() const noexcept { return impl_->found_.trailers; }

std::optional<std::uint64_t> Http1Parser::content_length() const noexcept {
  if (impl_->framing_ != Impl::Framing::length) return std::nullopt;
  return impl_->length_;
}
bool Http1Parser::chunked() const noexcept { return impl_->framing_ == Impl::Framing::chunked; }
bool Http1Parser::has_body() const noexcept {
  if (impl_->framing_ == Impl::Framing::length) return impl_->length_ != 0;
  return impl_->framing_ != Impl::Framing::none;
}
bool Http1Parser::keep_alive() const noexcept { return impl_->keep_alive_; }
bool Http1Parser::expects_continue() const noexcept { return impl_->found_.expect_continue; }
bool Http1Parser::upgrade() const noexcept { return impl_->upgrade_; }
bool Http1Parser::repaired() const noexcept { return impl_->repaired_; }
bool Http1Parser::started() const noexcept { return impl_->started_; }
void Http1Parser::set_body_limit(std::optional<std::uint64_t> limit) noexcept {
  impl_->body_limit_ = limit;
}
const ParseError& Http1Parser::error() const noexcept { return impl_->error_; }

}  // namespace asyncio::http
