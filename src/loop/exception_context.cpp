#include "asyncio/loop/exception_context.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio {

std::string ExceptionContext::to_string() const {
  std::string text = message;
  if (asyncgen != nullptr) text += "\nasyncgen: " + asyncgen->repr();
  if (future != nullptr) text += "\nfuture: " + future->repr();
  if (handle != nullptr) text += "\nhandle: " + handle->repr();
  if (transport != nullptr) text += "\ntransport: " + transport->repr();
  if (exception) text += "\n" + base::describe(exception);
  return text;
}

}  // namespace asyncio
