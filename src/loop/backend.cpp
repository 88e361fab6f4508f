#include "asyncio/loop/backend.hpp"

#include <array>
#include <cstdlib>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/file_call.hpp"
#include "loop/polling_backend.hpp"

namespace asyncio {
namespace {

// The first is what is taken when nobody asks, by what the benchmarks say (docs/performance.md):
// files cost a fraction of what they do on threads; sockets cost the same within a few percent, and
// a ring takes longer to make.
constexpr std::array kChoices = {
    detail::Engines{"auto", false, true, false},
    detail::Engines{"epoll", false, false, false},
    detail::Engines{"io_uring", true, true, true},
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
  if (wanted == nullptr || *wanted == '\0') wanted = "auto";
  std::string known;
  for (const detail::Engines& engines : kChoices) {
    if (engines.name == wanted) {
      return std::make_unique<detail::PollingBackend>(sink, context, engines);
    }
    known += known.empty() ? "" : ", ";
    known += engines.name;
  }
  throw RuntimeError("ASYNCIO_BACKEND=" + std::string(wanted) +
                     ": no such backend; there is: " + known);
}

}  // namespace asyncio
