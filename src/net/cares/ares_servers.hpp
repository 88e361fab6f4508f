// Addresses of name servers, as people write them and as c-ares reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// "10.0.0.1, [fd00::1]:5353" in the form that c-ares reads. ValueError for what is no address.
std::string check_servers(std::string_view list);

/// Those of resolv.conf in that form.
std::string servers_text(std::vector<std::string> servers);

}  // namespace asyncio::detail
