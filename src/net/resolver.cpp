#include "asyncio/net/resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "net/host_name.hpp"
#include "net/name_service.hpp"

namespace asyncio {
namespace detail {
namespace {

// A resolver of the program's own may have said another one.
SocketAddress with_port(SocketAddress address, std::uint16_t port) noexcept {
  if (address.port() != 0) return address;
  if (address.family() == AF_INET) {
    static_cast<sockaddr_in*>(address.data())->sin_port = htons(port);
  } else if (address.family() == AF_INET6) {
    static_cast<sockaddr_in6*>(address.data())->sin6_port = htons(port);
  }
  return address;
}

NameQuestion question_of(std::string_view host, const ResolveOptions& options, std::uint16_t port) {
  NameQuestion question;
  question.host = host;
  for (char& c : question.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  question.family = options.family;
  question.passive = options.passive && host.empty();
  question.port = port;
  return question;
}

}  // namespace

Resolve::Resolve(std::string_view host, std::uint16_t port, ResolveOptions options)
    : host_(host), options_(options), port_(port) {}

Resolve::Resolve(Resolve&& other) noexcept
    : Suspend(std::move(other)),
      host_(std::move(other.host_)),
      options_(other.options_),
      port_(other.port_) {}

bool Resolve::await_ready() {
  try {
    if (answer_at_once()) return true;
    NameService& names = running_scheduler().state<NameService>();
    found_ = names.remembered(question_of(host_, options_, names.wants_ports() ? port_ : 0));
  } catch (...) {
    failure_ = std::current_exception();
  }
  return found_ != nullptr || failure_ != nullptr;
}

// What needs nobody else: numbers, and what is no host name.
bool Resolve::answer_at_once() {
  SocketAddress numeric;
  if (!SocketAddress::parse(host_, 0, numeric)) {
    if (!host_.empty()) failure_ = check_host_name(host_);
    return failure_ != nullptr;
  }
  auto found = std::make_shared<FoundName>();
  if (options_.family == 0 || options_.family == numeric.family()) {
    found->addresses.push_back(numeric);
  } else {
    found->error = EAI_ADDRFAMILY;
    found->reason = ::gai_strerror(EAI_ADDRFAMILY);
  }
  found_ = std::move(found);
  return true;
}

bool Resolve::await_suspend(Continuation continuation) {
  try {
    NameService& names = running_scheduler().state<NameService>();
    std::shared_ptr<LookUp> look_up =
        names.look_up(question_of(host_, options_, names.wants_ports() ? port_ : 0));
    found_ = look_up->found();
    if (found_) return false;
    look_up->add(*this);
    look_up_ = std::move(look_up);
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
  return park(continuation);
}

void Resolve::leave() noexcept {
  if (look_up_) std::exchange(look_up_, nullptr)->leave(*this);
}

std::exception_ptr Resolve::error() {
  leave();
  if (cancelled()) return cancellation();
  if (failure_) return failure_;
  if (found_->failure) return found_->failure;
  if (found_->error == 0) return nullptr;
  return std::make_exception_ptr(
      GaiError(found_->error, getaddrinfo_context(host_), found_->reason));
}

std::vector<SocketAddress> Resolve::await_resume() {
  if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  std::vector<SocketAddress> out;
  out.reserve(found_->addresses.size());
  for (const SocketAddress& address : found_->addresses) out.push_back(with_port(address, port_));
  return out;
}

std::uint16_t check_port(int port) {
  if (port < 0 || port > 65535) {
    throw ValueError("port must be 0-65535, not " + std::to_string(port));
  }
  return static_cast<std::uint16_t>(port);
}

Coro<NameInfo> name_info(SocketAddress address, int flags) {
  auto ask = [backend = running_scheduler().share_backend(), address, flags] {
    return backend->name_of(address, flags);
  };
  NameAnswer answer = co_await pass(to_thread(ask));
  if (answer.error != 0) {
    co_await raise<GaiError>(answer.error, "getnameinfo " + address.to_string(), answer.reason);
  }
  co_return NameInfo{std::move(answer.host), std::move(answer.service)};
}

}  // namespace detail

detail::Resolve getaddrinfo(std::string_view host, int port, ResolveOptions options) {
  return {host, detail::check_port(port), options};
}

}  // namespace asyncio
