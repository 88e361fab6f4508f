// TLS: `#include <asyncio/ssl.hpp>`, and link asyncio::tls.
#pragma once

#include "asyncio/tls/context.hpp"
#include "asyncio/tls/errors.hpp"
#include "asyncio/tls/ssl_object.hpp"
