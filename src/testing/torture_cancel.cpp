// cancel_torture: a CancelledError at every place where one can come.
#include <algorithm>

#include "asyncio/base/error.hpp"
#include "testing/torture_run.hpp"

namespace asyncio::testing {
namespace {

using asyncio::detail::TaskBase;

enum class Mode : unsigned char { unstarted, parked, woken, cleanup };
constexpr const char* kModes[] = {"unstarted", "parked", "woken", "cleanup"};

struct Point {
  std::size_t task;
  std::uint32_t suspension;  // from 1
  Mode mode;
};

class Canceller final : public TaskRecorder {
 public:
  explicit Canceller(std::vector<Point> points) : points_(std::move(points)) {}

  void on_start(TaskBase& task) noexcept override {
    TaskRecorder::on_start(task);
    for (const Point& point : points_) {
      if (point.mode == Mode::unstarted && point.task == seen().size() - 1) task.cancel({});
    }
  }
  void on_park(TaskBase& task, bool woken) noexcept override {
    TaskRecorder::on_park(task, woken);
    const std::size_t number = number_of(task);
    for (const Point& point : points_) {
      if (point.task != number) continue;
      const std::uint32_t now = seen()[number].parks;
      const bool here =
          now == point.suspension || (point.mode == Mode::cleanup && now == point.suspension + 1);
      if (!here) continue;
      if (point.mode == Mode::woken && !woken) {
        armed_ = number;  // for on_wake
      } else if (point.mode != Mode::unstarted) {
        due_.push_back(asyncio::detail::Ref<TaskBase>(&task));
      }
    }
  }
  void on_wake(TaskBase& task) noexcept override {
    TaskRecorder::on_wake(task);
    if (armed_ == kNone || armed_ != number_of(task)) return;
    armed_ = kNone;
    task.cancel({});
  }
  void on_step_end() noexcept override {
    for (const auto& task : std::exchange(due_, {})) task->cancel({});
  }

 private:
  std::vector<Point> points_;
  std::vector<asyncio::detail::Ref<TaskBase>> due_;
  std::size_t armed_ = kNone;
};

bool is_cancelled(const std::exception_ptr& error) {
  return base::exception_is<CancelledError>(error);
}

std::string place_of(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) {
    text += (text.empty() ? "" : " ") + std::string("task=") + std::to_string(point.task) +
            " at=" + std::to_string(point.suspension) +
            " mode=" + kModes[static_cast<std::size_t>(point.mode)];
  }
  return text;
}

}  // namespace

TortureReport cancel_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "cancel", options);
  RunSetup setup;
  setup.seed = options.seed;
  setup.may_fail_with = &is_cancelled;
  Canceller clean({});
  setup.recorder = &clean;
  if (!session.run_clean(setup)) return session.take();

  const auto cancel_at = [&](std::vector<Point> points, std::uint64_t seed) {
    Canceller canceller(points);
    RunSetup own = setup;
    own.seed = seed;
    own.recorder = &canceller;
    session.run(own, [&] { return place_of(points); });
  };
  std::vector<Point> all;
  for (std::size_t task = 0; task < clean.seen().size(); ++task) {
    all.push_back({task, 0, Mode::unstarted});
    for (std::uint32_t at = 1; at <= clean.seen()[task].parks; ++at) {
      for (const Mode mode : {Mode::parked, Mode::woken, Mode::cleanup})
        all.push_back({task, at, mode});
    }
  }
  for (const Point& point : all) {
    if (session.enough()) break;
    cancel_at({point}, options.seed);
  }
  Random chance(options.seed);
  for (std::uint64_t i = 0; i < options.random_runs && !session.enough(); ++i) {
    std::vector<Point> points;
    const std::uint64_t count = 1 + chance.below(3);
    while (points.size() < count) points.push_back(all[chance.below(all.size())]);
    cancel_at(points, chance.next() >> 1);
  }
  return session.take();
}

}  // namespace asyncio::testing
