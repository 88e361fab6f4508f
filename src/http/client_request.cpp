#include "asyncio/http/client_request.hpp"

#include "http/session_state.hpp"

namespace asyncio::http {

ClientRequest::ClientRequest(std::shared_ptr<detail::SessionState> session, std::string_view method,
                             std::string_view url)
    : session_(std::move(session)), spec_(std::make_unique<detail::RequestSpec>()) {
  spec_->method = method;
  spec_->url = url;
}

ClientRequest& ClientRequest::header(std::string_view name, std::string_view value) & {
  spec_->headers.add(name, value);
  return *this;
}

ClientRequest& ClientRequest::timeout(Delay total) & {
  if (!spec_->timeout) spec_->timeout = session_->options.timeout;
  spec_->timeout->total = total;
  return *this;
}

ClientRequest& ClientRequest::timeout(const ClientTimeout& limits) & {
  spec_->timeout = limits;
  return *this;
}

ClientRequest& ClientRequest::data(std::string body) & {
  spec_->body = std::move(body);
  spec_->has_body = true;
  return *this;
}

ClientRequest& ClientRequest::allow_redirects(bool follow) & {
  spec_->allow_redirects = follow;
  return *this;
}

ClientRequest& ClientRequest::max_redirects(std::size_t most) & {
  spec_->max_redirects = most;
  return *this;
}

ClientRequest& ClientRequest::auto_decompress(bool decompress) & {
  spec_->auto_decompress = decompress;
  return *this;
}

ClientRequest& ClientRequest::raise_for_status(bool raise) & {
  spec_->raise_for_status = raise;
  return *this;
}

ClientRequest& ClientRequest::ssl(const TlsContext& context) & {
  spec_->ssl = detail::hold(&context);
  return *this;
}

ClientRequest& ClientRequest::server_hostname(std::string_view name) & {
  spec_->server_hostname = name;
  return *this;
}

ClientRequest::operator Coro<ClientResponse>() && {
  return detail::perform(session_, std::move(*spec_));
}

asyncio::detail::CoroAwaiter<ClientResponse> ClientRequest::operator co_await() && {
  return detail::perform(session_, std::move(*spec_)).operator co_await();
}

asyncio::detail::CoroAwaiter<ClientResponse> ClientRequest::operator co_await() & {
  return std::move(*this).operator co_await();
}

}  // namespace asyncio::http
