#include "asyncio/loop/exception_context.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio {

std::string ExceptionContext::to_string() const {
  std::string text = message;
  if (asyncgen != nullptr) text += "\nasyncgen: " + asyncgen->repr();
  if (future != nullptr) text += "\nfuture: " + future->repr();
  if (handle != nullptr) text += "\nhandle: " + handle->repr();
  const std::string made = future != nullptr ? future->source_traceback() : std::string();
  if (!made.empty()) {
    text += "\nsource_traceback: Object created at (most recent call last):\n" + made;
    text.pop_back();
  }
  if (transport != nullptr) text += "\ntransport: " + transport->repr();
  if (!exception) return text;
  const std::string way = future != nullptr ? future->traceback() : std::string();
  if (!way.empty()) {
    text += "\nTraceback (most recent call last):\n" + way;
    text.pop_back();
  }
  text += "\n" + base::describe(exception);
  return text;
}

}  // namespace asyncio
