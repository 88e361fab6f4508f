// What goes wrong outside of the program: cut connections, bytes in pieces, calls that fail.
#include <netdb.h>

#include <cerrno>
#include <memory>
#include <span>

#include "asyncio/base/error.hpp"
#include "testing/torture_run.hpp"

namespace asyncio::testing {
namespace {

constexpr const char* kCuts[] = {"fin", "reset", "silence"};
constexpr const char* kFlows[] = {"to_server", "to_client"};

bool is_world_or_thread_error(const std::exception_ptr& error) {
  return is_world_error(error) || base::exception_is<RuntimeError>(error) ||
         base::exception_is<CancelledError>(error);
}

// How many bytes went each way in each connection of a run in which nothing went wrong.
struct Transcript {
  std::vector<std::array<std::uint64_t, 2>> connections;
  std::array<std::uint64_t, kOperations> calls{};

  void take(SimulatedBackend& backend) {
    connections.clear();
    for (std::size_t i = 0; i < backend.network().connections(); ++i) {
      connections.push_back({backend.network().bytes_sent(i, Flow::to_server),
                             backend.network().bytes_sent(i, Flow::to_client)});
    }
    for (std::size_t i = 0; i < kOperations; ++i)
      calls[i] = backend.calls(static_cast<Operation>(i));
  }
};

RunSetup clean_setup(const TortureOptions& options, Transcript& transcript) {
  RunSetup setup;
  setup.seed = options.seed;
  setup.inspect = [&transcript](SimulatedBackend& backend) { transcript.take(backend); };
  return setup;
}

// Every offset of a short transcript; of a long one the first, the last and some between.
std::uint64_t next_offset(std::uint64_t offset, std::uint64_t end) {
  constexpr std::uint64_t kDense = 512;
  if (offset < kDense || offset + kDense >= end) return offset + 1;
  return std::min(offset + 1 + end / 64, end - kDense);
}

struct Failing {
  Operation operation;
  const char* name;
  std::vector<int> errors;
};

// The errors that Linux has for each call, by its manual pages.
const std::vector<Failing>& failing_calls() {
  static const std::vector<Failing> all = {
      {Operation::socket, "socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT}},
      {Operation::bind, "bind", {EADDRINUSE, EADDRNOTAVAIL, EACCES}},
      {Operation::listen, "listen", {EADDRINUSE}},
      {Operation::accept,
       "accept",
       {EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO}},
      {Operation::connect,
       "connect",
       {ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EADDRNOTAVAIL, EACCES}},
      {Operation::recv, "recv", {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM}},
      {Operation::send, "send", {EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOBUFS}},
      {Operation::shutdown, "shutdown", {ENOTCONN}},
      {Operation::socket_error, "socket_error", {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH}},
      {Operation::set_option, "set_option", {EINVAL, ENOPROTOOPT}},
      {Operation::watch, "watch", {ENOMEM, ENOSPC}},
      {Operation::submit, "submit", {EAGAIN}},
      {Operation::resolve, "resolve", {EAI_AGAIN, EAI_FAIL, EAI_MEMORY}},
      {Operation::file_open, "file_open", {EINTR, EACCES, EMFILE, ENFILE, ENOSPC, EROFS, ESTALE}},
      {Operation::file_read, "file_read", {EINTR, EIO, ESTALE}},
      {Operation::file_write, "file_write", {EINTR, ENOSPC, EDQUOT, EIO, EFBIG}},
      {Operation::file_sync, "file_sync", {EINTR, EIO, ENOSPC, EDQUOT}},
      {Operation::file_close, "file_close", {EINTR, EIO, ENOSPC, EDQUOT}},
      {Operation::file_other, "file_other", {EINTR, EACCES, EIO, ENOENT, ESTALE}},
  };
  return all;
}

}  // namespace

TortureReport cut_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "cut", options);
  Transcript transcript;
  RunSetup setup = clean_setup(options, transcript);
  if (!session.run_clean(setup)) return session.take();
  const Transcript whole = transcript;
  setup.inspect = nullptr;
  setup.may_fail_with = &is_world_error;
  for (std::size_t connection = 0; connection < whole.connections.size(); ++connection) {
    for (const Flow flow : {Flow::to_server, Flow::to_client}) {
      const std::uint64_t end = whole.connections[connection][static_cast<std::size_t>(flow)];
      for (std::uint64_t at = 0; at <= end; at = next_offset(at, end)) {
        for (const Cut how : {Cut::fin, Cut::reset, Cut::silence}) {
          setup.prepare = [=](SimulatedBackend& backend) {
            backend.network().cut(connection, flow, at, how);
          };
          session.run(setup, [&] {
            return "connection=" + std::to_string(connection) +
                   " flow=" + kFlows[static_cast<std::size_t>(flow)] + " at=" + std::to_string(at) +
                   " how=" + kCuts[static_cast<std::size_t>(how)];
          });
        }
      }
    }
  }
  return session.take();
}

TortureReport split_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "split", options);
  Transcript transcript;
  RunSetup setup = clean_setup(options, transcript);
  if (!session.run_clean(setup)) return session.take();
  std::uint64_t longest = 0;
  for (const auto& connection : transcript.connections) {
    longest = std::max({longest, connection[0], connection[1]});
  }
  setup.inspect = nullptr;
  for (std::uint64_t at = 1; at < longest; at = next_offset(at, longest)) {
    setup.prepare = [=](SimulatedBackend& backend) { backend.network().split_at(at); };
    session.run(setup, [&] { return "at=" + std::to_string(at); });
  }
  setup.prepare = [](SimulatedBackend& backend) {
    backend.network().set_segmentation(Segmentation::bytes);
  };
  session.run(setup, [] { return std::string("bytes"); });
  Random chance(options.seed);
  for (std::uint64_t i = 0; i < options.random_runs && !session.enough(); ++i) {
    setup.seed = chance.next() >> 1;
    setup.prepare = [](SimulatedBackend& backend) {
      backend.network().set_segmentation(Segmentation::random);
      backend.network().set_short_calls(3);
    };
    session.run(setup, [] { return std::string("random"); });
  }
  return session.take();
}

TortureReport op_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "op", options);
  Transcript transcript;
  RunSetup setup = clean_setup(options, transcript);
  if (!session.run_clean(setup)) return session.take();
  const auto calls = transcript.calls;
  setup.inspect = nullptr;
  setup.may_fail_with = &is_world_or_thread_error;
  for (const Failing& failing : failing_calls()) {
    const std::uint64_t count = calls[static_cast<std::size_t>(failing.operation)];
    for (std::uint64_t index = 0; index < count && index < 1000; ++index) {
      for (const int error : failing.errors) {
        setup.prepare = [=](SimulatedBackend& backend) {
          backend.fail_call(failing.operation, index, error);
        };
        session.run(setup, [&] {
          return std::string("call=") + failing.name + " index=" + std::to_string(index) +
                 " error=" + std::to_string(error);
        });
      }
    }
  }
  return session.take();
}

}  // namespace asyncio::testing
