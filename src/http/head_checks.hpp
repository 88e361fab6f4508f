// What RFC 9112 asks of a head beyond the grammar of its lines; Beast leaves it to its users.
#pragma once

#include <string_view>

namespace asyncio::http {

/// Whether `value` is "host", "host:port" or "[v6]:port" without userinfo, path or list.
[[nodiscard]] bool is_valid_host_field(std::string_view value) noexcept;

/// Null when `target` is one of the four forms and fits the method, else what is wrong with it.
[[nodiscard]] const char* check_target(std::string_view method, std::string_view target) noexcept;

}  // namespace asyncio::http
