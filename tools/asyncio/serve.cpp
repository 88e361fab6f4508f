#include "tools/asyncio/serve.hpp"

#include <unistd.h>

#include <cstdio>
#include <optional>

#include "asyncio/http.hpp"
#include "asyncio/ssl.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/page_site.hpp"
#include "tools/asyncio/self_signed.hpp"
#include "tools/asyncio/stop_signals.hpp"
#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {
namespace {

void log_request(const http::AccessEntry& entry) {
  char line[64];
  std::snprintf(line, sizeof line, " %d %llu bytes %.1f ms\n", entry.status,
                static_cast<unsigned long long>(entry.body_bytes),
                static_cast<double>(entry.duration.count()) / 1e6);
  write_stderr(entry.request.remote().host() + " " + entry.request.method() + " " +
               http::printable(entry.request.raw_path(), 200) + line);
}

void tell_port(int fd, std::uint16_t port) {
  const std::string line = std::to_string(port) + "\n";
  const ssize_t written = ::write(fd, line.data(), line.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(line.size())) {
    throw ToolError("cannot tell the parent process which port it is");
  }
}

void greet(const ServeOptions& options, const SocketAddress& address) {
  std::string what = std::to_string(options.page_bytes) + "-byte pages";
  if (options.directory) what = "the files of " + *options.directory;
  if (options.workers != 1) {
    what += " by " + (options.workers == 0 ? "a worker per core"
                                           : std::to_string(options.workers) + " workers");
  }
  write_stderr("serving " + what + (options.tls ? " at https://" : " at http://") +
               address.to_string() + "/ (Ctrl-C ends it)\n");
}

// The certificate that was given, or one for this run alone, which clients do not know.
ssl::SSLContext make_tls_context(const ServeOptions& options) {
  ssl::SSLContext context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  context.set_alpn_protocols({"http/1.1"});
  if (!options.cert_file.empty()) {
    context.load_cert_chain(options.cert_file, options.key_file);
    return context;
  }
  const SelfSigned own = make_self_signed(options.host);
  context.load_cert_chain_pem(own.pem, own.pem);
  if (!options.quiet) {
    write_stderr("certificate made for this run, SHA-256 " + own.fingerprint +
                 "\nclients do not trust it: asyncio fetch --insecure, curl --insecure\n");
  }
  return context;
}

Coro<int> serve(const ServeOptions& options) {
  PageSite site(options);
  const AnyTask self = current_task();
  const StopSignals signals(self);
  const http::AccessLog access_log = &log_request;
  http::ServeOptions how;
  how.workers = options.workers;
  how.shutdown_timeout = std::chrono::seconds(5);
  how.handle_signals = false;
  how.server.backlog = 4096;
  std::optional<ssl::SSLContext> tls;
  try {
    if (options.tls) tls.emplace(make_tls_context(options));
  } catch (const OSError& error) {
    throw ToolError("cannot serve: " + std::string(error.what()));
  }
  how.server.ssl = tls ? &*tls : nullptr;
  how.access_log = options.quiet ? nullptr : &access_log;
  std::exception_ptr failure;
  const http::ListeningCallback on_listening = [&](const std::vector<SocketAddress>& sockets) {
    if (!options.quiet) greet(options, sockets.front());
    try {
      if (options.ready_fd >= 0) tell_port(options.ready_fd, sockets.front().port());
    } catch (const ToolError&) {
      failure = std::current_exception();
      self.cancel();
    }
  };
  const http::ApplicationFactory factory = [&site](std::size_t) { return site.application(); };
  const Result<void> ended =
      co_await try_(http::serve(factory, options.host, options.port, how, on_listening));
  if (failure) std::rethrow_exception(failure);
  if (!base::exception_is<CancelledError>(ended.exception())) {
    throw ToolError("cannot serve: " + base::describe(ended.exception()));
  }
  current_task().uncancel();
  co_return 0;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  try {
    return asyncio::run(serve(options));
  } catch (const KeyboardInterrupt&) {
    throw Interrupted(SIGINT);
  }
}

}  // namespace asyncio::tool
