// Runs Http1Parser over bytes cut in chosen ways and writes down what came out, as one line of
// text: two runs agree when their texts do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/http1_parser.hpp"

namespace asyncio::http::testing {

struct Answer {
  std::string method = "GET";  // of the request that is answered
  bool upgrade_asked = false;
};

/// What one connection came to.
struct Outcome {
  std::string transcript;    // events, heads, bodies, error and what was left
  std::size_t messages = 0;  // complete ones
  ParseErrorKind error = ParseErrorKind::none;
  bool clean = false;  // ended between messages, or where the parser said to stop
  bool repaired = false;
  std::string body;  // of all messages
  std::string error_text;

  friend bool operator==(const Outcome& a, const Outcome& b) {
    return a.transcript == b.transcript && a.messages == b.messages && a.error == b.error;
  }
};

class Runner {
 public:
  /// A server's connection.
  explicit Runner(const ParserLimits& limits) : parser_(limits) { parser_.start_request(); }
  /// A client's connection that waits for the answer to `answer.method`.
  Runner(const ParserLimits& limits, Answer answer)
      : parser_(limits), client_(true), answer_(std::move(answer)) {
    parser_.start_response(answer_.method, answer_.upgrade_asked);
  }

  /// Gives one piece; the piece's memory is wiped afterwards, so that a view kept too long shows.
  void give(std::string piece) {
    total_ += piece.size();
    std::string_view bytes = piece;
    while (!stopped_ && step(bytes)) {
    }
    if (stopped_ && out_.error == ParseErrorKind::none) left_ += bytes.size();
    piece.assign(piece.size(), '#');
  }

  Outcome finish() {
    if (!stopped_) {
      switch (parser_.eof()) {
        case Event::complete:
          complete();
          break;
        case Event::error:
          if (parser_.error().kind == ParseErrorKind::closed_before_message && out_.messages > 0) {
            out_.clean = true;
          } else {
            error();
          }
          break;
        default:
          out_.transcript += "?";
      }
    }
    flush_body();
    if (left_ > 0) out_.transcript += " left=" + std::to_string(left_);
    return out_;
  }

 private:
  using Event = Http1Parser::Event;

  bool step(std::string_view& bytes) {
    switch (parser_.next(bytes)) {
      case Event::need_more:
        if (!bytes.empty()) out_.transcript += " NEED_MORE_WITH_BYTES_LEFT";
        return false;
      case Event::interim:
        out_.transcript += " interim " + std::to_string(parser_.response().status) + ";";
        return true;
      case Event::head:
        head();
        return true;
      case Event::body:
        if (parser_.body().empty()) out_.transcript += " EMPTY_BODY_EVENT";
        body_ += parser_.body();
        return true;
      case Event::complete:
        complete();
        return !stopped_ && !bytes.empty();
      case Event::error:
        error();
        return false;
    }
    return false;
  }

  void head() {
    if (client_) {
      const ResponseHead head = parser_.take_response();
      out_.transcript += " " + std::to_string(head.status) + " '" + head.reason + "'";
      fields(head.headers);
    } else {
      const RequestHead head = parser_.take_request();
      out_.transcript +=
          " " + head.method + " " + head.target + " 1." + std::to_string(head.version.minor);
      fields(head.headers);
      if (parser_.expects_continue()) out_.transcript += " expect";
    }
    out_.repaired = parser_.repaired();
    out_.transcript += parser_.repaired() ? " repaired" : "";
    out_.transcript += parser_.upgrade() ? " upgrade" : "";
  }

  void fields(const Headers& headers) {
    out_.transcript += " {";
    for (const Header field : headers) {
      out_.transcript += std::string(field.name) + "=" + std::string(field.value) + "|";
    }
    out_.transcript += "}";
  }

  void flush_body() {
    if (!body_.empty()) out_.transcript += " body'" + body_ + "'";
    out_.body += body_;
    body_.clear();
  }

  void complete() {
    flush_body();
    for (const Header field : parser_.trailers()) {
      out_.transcript += " trailer " + std::string(field.name) + "=" + std::string(field.value);
    }
    ++out_.messages;
    out_.transcript += parser_.keep_alive() ? " done;" : " done, close;";
    if (client_ || !parser_.keep_alive() || parser_.upgrade()) {
      stopped_ = out_.clean = true;
    } else {
      parser_.start_request();
    }
  }

  void error() {
    flush_body();
    stopped_ = true;
    out_.error = parser_.error().kind;
    out_.error_text = parser_.error().message;
    out_.transcript += " ERROR " + std::to_string(static_cast<int>(out_.error)) + "@" +
                       std::to_string(parser_.error().offset);
  }

  Http1Parser parser_;
  bool client_ = false;
  bool stopped_ = false;
  Answer answer_;
  Outcome out_;
  std::string body_;
  std::size_t total_ = 0;
  std::size_t left_ = 0;
};

inline Outcome run_pieces(Runner runner, const std::vector<std::string_view>& pieces) {
  for (const std::string_view piece : pieces) runner.give(std::string(piece));
  return runner.finish();
}

/// `make` returns a fresh Runner. Whole, byte by byte, and cut in two at every offset (at every
/// `stride`th for long inputs): calls `check(outcome, how)` for each.
template <class Make, class Check>
void every_cut(std::string_view bytes, Make make, Check check) {
  check(run_pieces(make(), {bytes}), "whole");
  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
  check(run_pieces(make(), single), "byte by byte");
  const std::size_t stride = bytes.size() < 2000 ? 1 : bytes.size() / 97;
  for (std::size_t at = 1; at < bytes.size(); at += stride) {
    check(run_pieces(make(), {bytes.substr(0, at), bytes.substr(at)}),
          "cut at " + std::to_string(at));
  }
}

}  // namespace asyncio::http::testing
