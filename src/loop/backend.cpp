#include "asyncio/loop/backend.hpp"

#include <array>
#include <cstdlib>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/file_call.hpp"
#include "loop/epoll_backend.hpp"

namespace asyncio {
namespace {

struct Choice {
  std::string_view name;
  std::unique_ptr<Backend> (*make)(JobSink sink, void* context);
};

// Best first.
constexpr std::array kChoices = {
    Choice{"epoll",
           [](JobSink sink, void* context) -> std::unique_ptr<Backend> {
             return std::make_unique<detail::EpollBackend>(sink, context);
           }},
};

}  // namespace

void Backend::start(FileCall& call) { submit(call); }

NameAnswer Backend::name_of(const SocketAddress& address, int /*flags*/) {
  NameAnswer answer;
  answer.host = address.host();
  answer.service = std::to_string(address.port());
  return answer;
}

std::unique_ptr<Backend> make_backend(JobSink sink, void* context) {
  const char* wanted = std::getenv("ASYNCIO_BACKEND");
  if (wanted == nullptr || *wanted == '\0') return kChoices.front().make(sink, context);
  std::string known;
  for (const Choice& choice : kChoices) {
    if (choice.name == wanted) return choice.make(sink, context);
    known += known.empty() ? "" : ", ";
    known += choice.name;
  }
  throw RuntimeError("ASYNCIO_BACKEND=" + std::string(wanted) +
                     ": no such backend; there is: " + known);
}

}  // namespace asyncio
