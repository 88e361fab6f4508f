// What may be asked of a resolver.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// Null when `host`, which is neither empty nor numeric, is a host name; else the error that
/// getaddrinfo gives. So nothing is cut short on its way, and nothing means one host to us and
/// another one to the C library.
std::exception_ptr check_host_name(std::string_view host);

/// "getaddrinfo HOST", with HOST as it can be printed.
std::string getaddrinfo_context(std::string_view host);

}  // namespace asyncio::detail
