#include "http/http1_writer.hpp"

#include <charconv>
#include <optional>

#include "asyncio/base/error.hpp"
#include "http/chars.hpp"

namespace asyncio::http {
namespace {

/// The framing fields an application has set itself.
struct OwnFraming {
  std::optional<std::uint64_t> length;
  bool chunked = false;
};

OwnFraming own_framing(const Headers& headers) {
  OwnFraming own;
  for (const Header field : headers) {
    if (same_name(field.name, "Content-Length")) {
      std::uint64_t value = 0;
      const char* begin = field.value.data();
      const char* end = begin + field.value.size();
      const auto [stop, error] = std::from_chars(begin, end, value);
      if (field.value.empty() || stop != end || error != std::errc() ||
          !chars::all(field.value, chars::kDigit)) {
        throw ValueError("header Content-Length: \"" + printable(field.value) +
                         "\" is not a number of bytes");
      }
      if (own.length) throw ValueError("header Content-Length: set twice");
      own.length = value;
    } else if (same_name(field.name, "Transfer-Encoding")) {
      if (!same_name(field.value, "chunked") || own.chunked) {
        throw ValueError("header Transfer-Encoding: only \"chunked\", once, can be sent");
      }
      own.chunked = true;
    }
  }
  if (own.chunked && own.length) {
    throw ValueError("headers Content-Length and Transfer-Encoding: only one of them may be set");
  }
  return own;
}

void check_fields(const Headers& headers) {
  if (!headers.unchecked()) return;
  for (const Header field : headers) check_field(field.name, field.value);
}

void check_length(const OwnFraming& own, BodyLength body) {
  if (!own.length || body.kind == BodyLength::Kind::unknown) return;
  const std::uint64_t actual = body.kind == BodyLength::Kind::known ? body.bytes : 0;
  if (*own.length == actual) return;
  throw ValueError("header Content-Length: says " + std::to_string(*own.length) +
                   " bytes, the body has " + std::to_string(actual));
}

void append_number(std::string& out, std::uint64_t value, int base = 10) {
  char digits[24];
  const auto result = std::to_chars(digits, digits + sizeof digits, value, base);
  out.append(digits, result.ptr);
}

void append_length(std::string& out, std::uint64_t bytes) {
  out += "Content-Length: ";
  append_number(out, bytes);
  out += "\r\n";
}

/// Room for everything, so that a head is one allocation at most.
void make_room(std::string& out, const Headers& headers, std::size_t first_line) {
  std::size_t size = out.size() + first_line + 128;
  for (const Header field : headers) size += field.name.size() + field.value.size() + 4;
  if (size > out.capacity()) out.reserve(size);
}

/// What decides over a response's framing, resolved before a byte is written.
struct ResponsePlan {
  BodyFraming framing = BodyFraming::none;
  std::optional<std::uint64_t> length;  // to be written as Content-Length
  bool chunked_field = false;           // to be written as Transfer-Encoding
  bool leave_out_framing = false;       // the application's own field would be a lie
};

ResponsePlan plan_bodiless(int status, const OwnFraming& own, BodyLength body, bool head_request) {
  ResponsePlan plan;
  // 1xx, 204 and an accepted CONNECT may not even name a length (RFC 9112 6.3).
  const bool may_name = head_request || status == 304;
  const bool has_body = body.kind == BodyLength::Kind::unknown ||
                        (body.kind == BodyLength::Kind::known && body.bytes > 0);
  if (!may_name) {
    if (has_body)
      throw ValueError("status " + std::to_string(status) + " has no body, one was given");
    plan.leave_out_framing = true;
    return plan;
  }
  if (!own.length && !own.chunked && body.kind == BodyLength::Kind::known) plan.length = body.bytes;
  return plan;
}

ResponsePlan plan_response(int status, const OwnFraming& own, BodyLength body,
                           const ResponseContext& context) {
  if (!response_has_body(context.method, status)) {
    return plan_bodiless(status, own, body,
                         context.method == "HEAD" && status / 100 != 1 && status != 204);
  }
  ResponsePlan plan;
  check_length(own, body);
  if (own.length) {
    plan.framing = BodyFraming::length;
  } else if (body.kind != BodyLength::Kind::unknown && !own.chunked) {
    plan.framing = BodyFraming::length;
    plan.length = body.bytes;
  } else if (context.version < HttpVersion11) {
    plan.framing = BodyFraming::until_close;
    plan.leave_out_framing = true;
  } else {
    plan.framing = BodyFraming::chunked;
    plan.chunked_field = !own.chunked;
  }
  return plan;
}

bool is_framing(std::string_view name) {
  return same_name(name, "Content-Length") || same_name(name, "Transfer-Encoding");
}

}  // namespace

void append_fields(std::string& out, const Headers& headers) {
  for (const Header field : headers) {
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
}

BodyFraming append_request_head(std::string& out, std::string_view method, std::string_view target,
                                std::string_view host, const Headers& headers, BodyLength body,
                                std::string_view lines) {
  if (!is_token(method)) {
    throw ValueError("request method \"" + printable(method) + "\" is not a token");
  }
  if (target.empty() || !chars::all(target, chars::kTarget)) {
    throw ValueError("request target \"" + printable(target) +
                     "\" is empty or has a byte that must be escaped");
  }
  const bool own_host = headers.contains("Host");
  if (!own_host) check_field("Host", host);
  check_fields(headers);
  const OwnFraming own = own_framing(headers);
  check_length(own, body);

  make_room(out, headers, method.size() + target.size() + host.size() + lines.size());
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  if (!own_host) out.append("Host: ").append(host).append("\r\n");
  append_fields(out, headers);
  out += lines;
  BodyFraming framing = BodyFraming::none;
  if (own.chunked || (body.kind == BodyLength::Kind::unknown && !own.length)) {
    framing = BodyFraming::chunked;
    if (!own.chunked) out += "Transfer-Encoding: chunked\r\n";
  } else if (own.length || body.kind == BodyLength::Kind::known || expects_body(method)) {
    framing = BodyFraming::length;
    if (!own.length) append_length(out, body.bytes);
  }
  out += "\r\n";
  return framing;
}

BodyFraming append_response_head(std::string& out, int status, std::string_view reason,
                                 const Headers& headers, BodyLength body,
                                 const ResponseContext& context) {
  if (status < 100 || status > 999) {
    throw ValueError("response status " + std::to_string(status) + " is not one of 100 to 999");
  }
  if (!is_field_value(reason)) {
    throw ValueError("response reason \"" + printable(reason) + "\" has a control byte");
  }
  check_fields(headers);
  const OwnFraming own = own_framing(headers);
  const ResponsePlan plan = plan_response(status, own, body, context);

  make_room(out, headers, reason.size() + context.lines.size());
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(status));
  out.append(" ").append(reason.empty() ? reason_phrase(status) : reason).append("\r\n");
  if (plan.leave_out_framing && (own.length || own.chunked)) {
    for (const Header field : headers) {
      if (is_framing(field.name)) continue;
      out.append(field.name).append(": ").append(field.value).append("\r\n");
    }
  } else {
    append_fields(out, headers);
  }
  out += context.lines;
  if (plan.length) append_length(out, *plan.length);
  if (plan.chunked_field) out += "Transfer-Encoding: chunked\r\n";
  const bool close = !context.keep_alive || plan.framing == BodyFraming::until_close;
  if (status >= 200 && !headers.contains("Connection")) {
    if (close) {
      out += "Connection: close\r\n";
    } else if (context.version < HttpVersion11) {
      out += "Connection: keep-alive\r\n";
    }
  }
  out += "\r\n";
  return plan.framing;
}

void append_chunk_line(std::string& out, std::uint64_t bytes) {
  if (bytes == 0) return;
  append_number(out, bytes, 16);
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  append_chunk_line(out, piece.size());
  out.append(piece).append("\r\n");
}

void append_last_chunk(std::string& out) { out += "0\r\n\r\n"; }

void append_last_chunk(std::string& out, const Headers& trailers) {
  check_fields(trailers);
  for (const Header field : trailers) {
    if (is_framing(field.name) || same_name(field.name, "Host") ||
        same_name(field.name, "Trailer")) {
      throw ValueError("trailer " + std::string(field.name) + ": this field must be in the head");
    }
  }
  out += "0\r\n";
  append_fields(out, trailers);
  out += "\r\n";
}

}  // namespace asyncio::http
