#include "tools/asyncio/asyncio_arms.hpp"

#include <string>
#include <vector>

#include "asyncio/http.hpp"
#include "tools/asyncio/arm_progress.hpp"
#include "tools/asyncio/cpu_arms.hpp"

namespace asyncio::tool {
namespace {

struct Arm {
  const ArmJob& job;
  ArmResult result;
  http::ClientSession session;

  explicit Arm(const ArmJob& of) : job(of), session(options_of(of)) {}

  static http::ClientSessionOptions options_of(const ArmJob& job) {
    http::ClientSessionOptions options;
    options.limit = job.limit;
    options.timeout.total = Delay(job.timeout);
    // The other arms read the page as it is sent; unpacking would be work that they do not do.
    options.auto_decompress = false;
    return options;
  }

  void finish(const std::string& error) {
    result.count(error);
    job.progress->finished_one(error.empty());
  }
};

// Empty when the page is as it should be.
std::string check_page(const ArmJob& job, int status, std::size_t bytes) {
  if (status >= 400) return "status " + std::to_string(status);
  if (job.expected_bytes && bytes != *job.expected_bytes) {
    return "page of " + std::to_string(bytes) + " bytes instead of " +
           std::to_string(*job.expected_bytes);
  }
  return {};
}

Coro<> fetch_page(Arm& arm, std::size_t item) {
  std::string error;
  try {
    http::ClientResponse response = co_await arm.session.get(arm.job.url(item));
    const int status = response.status();
    const std::string body = co_await std::move(response).read();
    error = check_page(arm.job, status, body.size());
  } catch (const std::exception& e) {
    error = e.what();
  }
  arm.finish(error);
}

Coro<> compute(Arm& arm, std::size_t item) {
  arm.finish(compute_item(item));
  co_return;
}

Coro<> run_all(Arm& arm) {
  std::vector<Coro<>> items;
  items.reserve(arm.job.n);
  for (std::size_t item = 0; item < arm.job.n; ++item) {
    items.push_back(arm.job.workload == Workload::io ? fetch_page(arm, item) : compute(arm, item));
  }
  co_await gather(std::move(items));
}

}  // namespace

ArmResult run_asyncio_arm(const ArmJob& job) {
  Arm arm(job);
  run(run_all(arm));
  return arm.result;
}

}  // namespace asyncio::tool
