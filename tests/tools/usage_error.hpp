// The text of the UsageError that an action throws.
#pragma once

#include <string>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {

template <class Action>
std::string usage_error(Action action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(no UsageError)";
}

}  // namespace asyncio::tool
