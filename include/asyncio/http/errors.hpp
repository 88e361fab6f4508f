// What can go wrong in HTTP: aiohttp's tree of exceptions, letter for letter.
//
//   ClientError
//     ClientConnectionError
//       ClientConnectionResetError
//       ClientOSError                   error() is the errno
//         ClientConnectorError          connecting failed; host() and port()
//           ClientConnectorDNSError  ClientConnectorSSLError
//           ClientConnectorCertificateError
//       ServerConnectionError
//         ServerDisconnectedError
//         ServerTimeoutError
//           ConnectionTimeoutError  SocketTimeoutError
//     ClientPayloadError                the body is broken or incomplete
//     ClientResponseError               status(), message(), headers(), url()
//       ContentTypeError  TooManyRedirects
//     InvalidURL
//       InvalidUrlClientError -> InvalidUrlRedirectClientError
//     NonHttpUrlClientError -> NonHttpUrlRedirectClientError
//   HttpProcessingError                 a message that breaks the protocol
//     BadHttpMessage -> BadStatusLine, InvalidHeader, LineTooLong, TransferEncodingError,
//                       ContentLengthError, ContentEncodingError
//
// One difference from Python: an exception has one base, since C++ handlers cannot see through a
// diamond (`catch (const std::exception&)` would miss it). InvalidURL is not a ValueError, a
// ClientOSError is not an OSError but has its errno, ServerTimeoutError is not a TimeoutError.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "asyncio/http/headers.hpp"

namespace asyncio::http {

/// Everything a client can run into. what() names operation and subject, as in
/// "GET http://host/: connection lost after 512 of 13000 bytes of body".
class ClientError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

#define ASYNCIO_HTTP_ERROR(Name, Base) \
  class Name : public Base {           \
   public:                             \
    using Base::Base;                  \
  }

/// The connection, not the answer, is at fault.
ASYNCIO_HTTP_ERROR(ClientConnectionError, ClientError);
/// The peer reset the connection while a request was being written.
ASYNCIO_HTTP_ERROR(ClientConnectionResetError, ClientConnectionError);

/// A system call on the connection failed.
class ClientOSError : public ClientConnectionError {
 public:
  /// `error` is an errno value; `text` says operation, subject and reason.
  ClientOSError(int error, const std::string& text) : ClientConnectionError(text), error_(error) {}
  /// The errno value. Python: OSError.errno (a macro in C).
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int error_;
};

/// No connection could be made. Safe to retry: nothing was sent.
class ClientConnectorError : public ClientOSError {
 public:
  ClientConnectorError(std::string_view host, std::uint16_t port, int error,
                       const std::string& text);
  [[nodiscard]] const std::string& host() const noexcept { return *host_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  std::shared_ptr<const std::string> host_;
  std::uint16_t port_;
};
/// The name did not resolve.
ASYNCIO_HTTP_ERROR(ClientConnectorDNSError, ClientConnectorError);
/// TLS could not be set up.
ASYNCIO_HTTP_ERROR(ClientConnectorSSLError, ClientConnectorError);
/// The certificate was not accepted.
ASYNCIO_HTTP_ERROR(ClientConnectorCertificateError, ClientConnectorError);

/// The server ended the connection, or was too slow: the root of the next four.
ASYNCIO_HTTP_ERROR(ServerConnectionError, ClientConnectionError);
/// The server closed the connection before a whole head had arrived.
ASYNCIO_HTTP_ERROR(ServerDisconnectedError, ServerConnectionError);
/// The server took too long.
ASYNCIO_HTTP_ERROR(ServerTimeoutError, ServerConnectionError);
/// Making the connection took too long (`connect`, `sock_connect`).
ASYNCIO_HTTP_ERROR(ConnectionTimeoutError, ServerTimeoutError);
/// A single read took too long (`sock_read`).
ASYNCIO_HTTP_ERROR(SocketTimeoutError, ServerTimeoutError);

/// The body is incomplete or cannot be decoded; what had arrived was given out before.
ASYNCIO_HTTP_ERROR(ClientPayloadError, ClientError);

/// An answer that is not what was asked for; by raise_for_status() for 400 and above.
class ClientResponseError : public ClientError {
 public:
  /// What an error carries of the answer. `body` is its beginning, as far as it had been read.
  struct Details {
    int status = 0;
    std::string message;
    Headers headers;
    std::string method;
    std::string url;
    std::string body;
  };
  /// what() is "404, message='Not Found', url='http://host/x'", as in aiohttp.
  explicit ClientResponseError(Details details);

  [[nodiscard]] int status() const noexcept { return details_->status; }
  [[nodiscard]] const std::string& message() const noexcept { return details_->message; }
  [[nodiscard]] const Headers& headers() const noexcept { return details_->headers; }
  [[nodiscard]] const std::string& method() const noexcept { return details_->method; }
  [[nodiscard]] const std::string& url() const noexcept { return details_->url; }
  [[nodiscard]] const std::string& body() const noexcept { return details_->body; }

 private:
  std::shared_ptr<const Details> details_;
};
/// json() with a required content type met another.
ASYNCIO_HTTP_ERROR(ContentTypeError, ClientResponseError);
/// More redirects than max_redirects allows.
ASYNCIO_HTTP_ERROR(TooManyRedirects, ClientResponseError);

/// A text that is not a URL of http or https. what() is "<url>: <what is wrong>".
class InvalidURL : public ClientError {
 public:
  InvalidURL(std::string_view url, std::string_view description);
  /// The text as it was given.
  [[nodiscard]] const std::string& url() const noexcept { return *url_; }
  /// What is wrong with it. Python: InvalidURL.description.
  [[nodiscard]] const std::string& description() const noexcept { return *description_; }

 private:
  std::shared_ptr<const std::string> url_;
  std::shared_ptr<const std::string> description_;
};
ASYNCIO_HTTP_ERROR(InvalidUrlClientError, InvalidURL);
ASYNCIO_HTTP_ERROR(InvalidUrlRedirectClientError, InvalidUrlClientError);
/// A well-formed URL of another scheme: "ftp://host/".
ASYNCIO_HTTP_ERROR(NonHttpUrlClientError, InvalidURL);
ASYNCIO_HTTP_ERROR(NonHttpUrlRedirectClientError, NonHttpUrlClientError);

/// A message breaks the protocol. code() is the status a server answers with.
/// Python: aiohttp.http_exceptions.HttpProcessingError.
class HttpProcessingError : public std::runtime_error {
 public:
  HttpProcessingError(int code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

class BadHttpMessage : public HttpProcessingError {
 public:
  explicit BadHttpMessage(const std::string& message, int code = 400)
      : HttpProcessingError(code, message) {}
};
/// The first line is not one of HTTP.
ASYNCIO_HTTP_ERROR(BadStatusLine, BadHttpMessage);
/// A field that may not be there, or not like this.
ASYNCIO_HTTP_ERROR(InvalidHeader, BadHttpMessage);
/// A line, the head or the number of fields is over its limit.
ASYNCIO_HTTP_ERROR(LineTooLong, BadHttpMessage);
/// The chunks of a body are malformed or cut short.
ASYNCIO_HTTP_ERROR(TransferEncodingError, BadHttpMessage);
/// The body is not as long as its Content-Length says, or longer than allowed.
ASYNCIO_HTTP_ERROR(ContentLengthError, BadHttpMessage);
/// The body cannot be decompressed: damaged, cut short, or too large when unpacked.
ASYNCIO_HTTP_ERROR(ContentEncodingError, BadHttpMessage);

#undef ASYNCIO_HTTP_ERROR

}  // namespace asyncio::http
