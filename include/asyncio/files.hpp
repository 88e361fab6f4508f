// Files, temporary files and what one does with them by name: `#include <asyncio/files.hpp>`.
#pragma once

#include "asyncio/asyncio.hpp"
#include "asyncio/files/errors.hpp"
#include "asyncio/files/file.hpp"
#include "asyncio/files/os.hpp"
#include "asyncio/files/standard.hpp"
#include "asyncio/files/tempfile.hpp"
#include "asyncio/files/whole.hpp"
