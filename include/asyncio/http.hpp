// HTTP client and server: `#include <asyncio/http.hpp>`.
#pragma once

#include "asyncio/asyncio.hpp"
#include "asyncio/http/application.hpp"
#include "asyncio/http/client_session.hpp"
#include "asyncio/http/errors.hpp"
#include "asyncio/http/request.hpp"
#include "asyncio/http/response.hpp"
#include "asyncio/http/serve.hpp"
#include "asyncio/http/server.hpp"
#include "asyncio/http/url.hpp"
