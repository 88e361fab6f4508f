#include "tools/asyncio/errors.hpp"

#include <system_error>

namespace asyncio::tool {

ToolError system_error(int error_number, const std::string& operation, const std::string& subject) {
  std::string text = "cannot " + operation;
  if (!subject.empty()) text += " " + subject;
  return ToolError(text + ": " + std::generic_category().message(error_number));
}

}  // namespace asyncio::tool
