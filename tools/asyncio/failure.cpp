#include "tools/asyncio/failure.hpp"

#include <netdb.h>

#include <cctype>
#include <new>
#include <system_error>

#include "asyncio/base/error.hpp"
#include "asyncio/http/errors.hpp"
#include "tools/asyncio/retry.hpp"

namespace asyncio::tool {
namespace {

// "no space left on device": the reason alone, in small letters as our errors have it.
std::string errno_text(int error) {
  std::string text = std::generic_category().message(error);
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

// The client's errors begin with "GET http://host/path: ", and the address stands beside them here.
std::string without_request(const std::string& text) {
  const std::size_t colon = text.find(": ");
  return text.starts_with("GET ") && colon != std::string::npos ? text.substr(colon + 2) : text;
}

Failure describe(std::string reason, const std::exception& error, bool retry = false,
                 bool unreachable = false) {
  return {std::move(reason), without_request(error.what()), retry, unreachable};
}

Failure of_connector(const http::ClientConnectorError& error) {
  return describe(errno_text(error.error()), error, true, true);
}

Failure of_name(const http::ClientConnectorDNSError& error) {
  // A name that does not exist will not exist in a second; a name server may be back.
  const bool again = error.error() == EAI_AGAIN;
  return describe(again ? "name server does not answer" : "unknown host", error, again, true);
}

// What the connection or the answer was at fault for.
Failure of_client_error(const http::ClientError& failed) {
  try {
    throw;
  } catch (const http::ClientConnectorDNSError& error) {
    return of_name(error);
  } catch (const http::ClientConnectorCertificateError& error) {
    return describe("certificate not trusted", error, false, true);
  } catch (const http::ClientConnectorSSLError& error) {
    return describe("no TLS connection", error, false, true);
  } catch (const http::ClientConnectorError& error) {
    return of_connector(error);
  } catch (const http::ClientOSError& error) {
    return describe(errno_text(error.error()), error, true);
  } catch (const http::ConnectionTimeoutError& error) {
    return describe("timeout", error, true, true);
  } catch (const http::ServerTimeoutError& error) {
    return describe("timeout", error, true);
  } catch (const http::ClientConnectionError& error) {
    return describe("connection closed by the server", error, true);
  } catch (const http::ClientPayloadError& error) {
    return describe("incomplete body", error, true);
  } catch (const http::TooManyRedirects& error) {
    return describe("too many redirects", error);
  } catch (const http::InvalidUrlRedirectClientError& error) {
    return describe("redirect to a malformed URL", error);
  } catch (const http::NonHttpUrlRedirectClientError& error) {
    return describe("redirect to another protocol", error);
  } catch (const http::InvalidURL& error) {
    return {"malformed URL", error.description(), false, false};
  } catch (const http::ClientError&) {
    return describe("failed", failed);
  }
}

}  // namespace

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const http::ClientError& failed) {
    return of_client_error(failed);
  } catch (const http::HttpProcessingError& failed) {
    return describe("not a valid HTTP answer", failed);
  } catch (const TimeoutError& failed) {
    return describe("timeout", failed, true);
  } catch (const OSError& failed) {
    return describe(errno_text(failed.error()), failed);
  } catch (const std::bad_alloc&) {
    return {"out of memory", "out of memory", false, false};
  } catch (const std::exception& failed) {
    return describe("failed", failed);
  } catch (...) {
    return {"failed", base::describe(std::current_exception()), false, false};
  }
}

Failure failure_of_status(int status, const std::string& phrase) {
  const std::string reason = "HTTP " + std::to_string(status);
  return {reason, phrase.empty() ? reason : reason + " " + phrase, worth_retrying(status), false};
}

}  // namespace asyncio::tool
