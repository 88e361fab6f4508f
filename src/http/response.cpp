#include "asyncio/http/response.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/http/message.hpp"

namespace asyncio::http {

Response::Response(std::string text, int status)
    : Response(std::move(text), "text/plain; charset=utf-8", status) {}

Response::Response(std::string body, std::string_view content_type, int status)
    : body_(std::move(body)) {
  set_status(status);
  headers_.add("Content-Type", content_type);
}

Response::Response(std::shared_ptr<const std::string> body, std::string_view content_type,
                   int status)
    : shared_(std::move(body)) {
  set_status(status);
  headers_.add("Content-Type", content_type);
}

Response Response::stream(Stream body, std::string_view content_type,
                          std::optional<std::uint64_t> length, int status) {
  Response response(std::string(), content_type, status);
  response.stream_ = std::move(body);
  response.stream_length_ = length;
  return response;
}

Response& Response::set_status(int status, std::string_view reason) & {
  if (status < 200 || status > 599) {
    throw ValueError("a response has a status from 200 to 599, not " + std::to_string(status));
  }
  if (!is_field_value(reason)) {
    throw ValueError("a control byte in the reason phrase: " + printable(reason));
  }
  status_ = status;
  reason_ = reason;
  return *this;
}

Response& Response::header(std::string_view name, std::string_view value) & {
  headers_.add(name, value);
  return *this;
}

std::optional<std::uint64_t> Response::length() const noexcept {
  return stream_ ? stream_length_ : std::optional<std::uint64_t>(body().size());
}

namespace {

std::string text_of(int status, std::string_view text) {
  if (!text.empty()) return std::string(text);
  return std::to_string(status) + ": " + std::string(reason_phrase(status));
}

}  // namespace

HTTPException::HTTPException(int status, std::string_view text)
    : std::runtime_error(text_of(status, text)), status_(status) {}

HTTPException& HTTPException::header(std::string_view name, std::string_view value) & {
  headers_.add(name, value);
  return *this;
}

Response HTTPException::response() const {
  Response response(std::string(what()) + "\n", status_);
  for (const Header& field : headers_) response.header(field.name, field.value);
  return response;
}

}  // namespace asyncio::http
