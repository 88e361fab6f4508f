// What went wrong on a connection, told as an error of the request.
#include "asyncio/base/error.hpp"
#include "asyncio/http/errors.hpp"
#include "http/response_state.hpp"

namespace asyncio::http::detail {
namespace {

std::exception_ptr timeout_error(const std::string& what, const ResponseState& response) {
  const ExchangeDeadline& deadline = response.deadline;
  Scheduler* scheduler = Scheduler::running();
  const bool total =
      deadline.total && (scheduler == nullptr || scheduler->time() >= *deadline.total);
  if (!total && deadline.sock_read) {
    return std::make_exception_ptr(SocketTimeoutError(
        what + ": no data for " + seconds_text(*deadline.sock_read) + " (sock_read)"));
  }
  std::string text = what + ": timeout";
  if (response.total) text += " after " + seconds_text(*response.total) + " (total)";
  return std::make_exception_ptr(TimeoutError(text));
}

std::exception_ptr body_error(const std::string& what, const ResponseState& response,
                              const std::string& reason) {
  std::string text = what + ": the body is incomplete: " + reason;
  if (const auto read = response.body.size(); read > 0) {
    text += " (" + std::to_string(read) + " bytes had been read)";
  }
  return std::make_exception_ptr(ClientPayloadError(text));
}

}  // namespace

std::string seconds_text(Delay delay) {
  std::string text = std::to_string(delay.seconds());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

bool is_deadline(const std::exception_ptr& error) {
  if (!base::exception_is<TimeoutError>(error)) return false;
  try {
    std::rethrow_exception(error);
  } catch (const TimeoutError& e) {
    return *e.what() == '\0';
  }
}

std::string describe_request(const std::string& method, const Url& url) {
  return method + " " + url.without_credentials();
}

std::exception_ptr client_error(const std::exception_ptr& error, const ResponseState& response,
                                bool in_body) {
  const std::string what = describe_request(response.method, response.url);
  try {
    std::rethrow_exception(error);
  } catch (const ServerDisconnectedError& e) {
    if (in_body) return body_error(what, response, e.what());
    return std::make_exception_ptr(ServerDisconnectedError(what + ": " + e.what()));
  } catch (const ClientError&) {
    return error;
  } catch (const TimeoutError& e) {
    if (is_deadline(error)) return timeout_error(what, response);
    return std::make_exception_ptr(SocketTimeoutError(what + ": " + e.what()));
  } catch (const OSError& e) {
    if (in_body) return body_error(what, response, e.what());
    return std::make_exception_ptr(ClientOSError(e.error(), what + ": " + e.what()));
  } catch (const ContentEncodingError& e) {
    return std::make_exception_ptr(
        ClientPayloadError(what + ": the body cannot be decoded: " + e.what()));
  } catch (const HttpProcessingError& e) {
    if (in_body) return body_error(what, response, e.what());
    return std::make_exception_ptr(
        BadHttpMessage(what + ": not a valid HTTP response: " + e.what(), e.code()));
  } catch (...) {
    return error;  // CancelledError, bad_alloc: not ours to change
  }
}

}  // namespace asyncio::http::detail
