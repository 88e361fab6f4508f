#include "asyncio/threads/run_in_executor.hpp"

#include <memory>

namespace asyncio::detail {

DefaultWork::~DefaultWork() {
  work_->future().cancel_unrun();  // the loop was closed before its turn came
  work_->done();
}

void DefaultWork::submit_owned(Scheduler& scheduler, Work& work) {
  std::unique_ptr<DefaultWork> job;
  try {
    job.reset(new DefaultWork(work));
  } catch (...) {
    work.done();
    throw;
  }
  job->submit(scheduler);
  job.release();  // NOLINT(bugprone-unused-return-value): it owns itself until it has ended
}

void DefaultWork::run() noexcept { work_->run(); }

}  // namespace asyncio::detail
