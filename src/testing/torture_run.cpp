#include "testing/torture_run.hpp"

#include <cstdio>
#include <cstdlib>

#include "asyncio/base/log.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/task/drive.hpp"
#include "testing/allocation_faults.hpp"

namespace asyncio::testing {
namespace {

// What the library logs during a run. One run at a time in each thread.
constinit thread_local std::vector<std::string>* logged = nullptr;

void keep_log(LogLevel, std::string_view message) {
  const AllocationFaults::Spared spared;
  if (logged != nullptr) logged->emplace_back(message);
}

class Watch {
 public:
  Watch(std::vector<std::string>& lines, asyncio::detail::TaskObserver* observer)
      : before_(set_log_handler(&keep_log)) {
    logged = &lines;
    asyncio::detail::TaskObserver::installed = observer;
  }
  Watch(const Watch&) = delete;
  ~Watch() {
    asyncio::detail::TaskObserver::installed = nullptr;
    logged = nullptr;
    set_log_handler(before_);
  }

 private:
  LogHandler before_;
};

}  // namespace

// --- TaskRecorder
// ---------------------------------------------------------------------------------

// The newest of a name: memory of tasks that have ended is used again.
std::size_t TaskRecorder::number_of(const asyncio::detail::TaskBase& task) const noexcept {
  for (std::size_t i = seen_.size(); i > 0; --i) {
    if (seen_[i - 1].task == &task) return i - 1;
  }
  return kNone;
}

void TaskRecorder::on_start(asyncio::detail::TaskBase& task) noexcept {
  const AllocationFaults::Spared spared;
  mix(1, seen_.size());
  seen_.push_back({&task});
}

void TaskRecorder::on_park(asyncio::detail::TaskBase& task, bool woken) noexcept {
  const AllocationFaults::Spared spared;
  const std::size_t number = number_of(task);
  mix(woken ? 2 : 3, number);
  if (number != kNone) ++seen_[number].parks;
}

void TaskRecorder::on_wake(asyncio::detail::TaskBase& task) noexcept {
  const AllocationFaults::Spared spared;
  mix(4, number_of(task));
}

// --- TortureRun
// -----------------------------------------------------------------------------------

TortureRun::TortureRun(const Scenario& scenario, const RunSetup& setup)
    : tolerated_(setup.tolerated), scenario_(&scenario) {
  const long blocks = base::Pool::live();
  std::vector<std::string> lines;
  {
    const Watch watch(lines, setup.recorder);
    run(setup);
  }
  for (const std::string& line : lines) complain("logged: " + line);
  if (const long leaked = base::Pool::live() - blocks; leaked != 0) {
    complain(std::to_string(leaked) + " pooled blocks were not given back");
  }
}

void TortureRun::run(const RunSetup& setup) {
  SimulationOptions options;
  options.seed = setup.seed;
  options.hostile = true;
  options.keep_events = setup.keep_events;
  if (scenario_->program_) {
    run_program(options, setup);
  } else {
    run_main(std::make_unique<SimulatedBackend>(options), setup);
  }
  if (setup.recorder != nullptr) hash_ ^= setup.recorder->hash();
  if (!scenario_->check_) return;
  const std::string wrong = scenario_->check_();
  if (!wrong.empty()) complain(wrong);
}

void TortureRun::run_main(std::unique_ptr<SimulatedBackend> owned, const RunSetup& setup) {
  SimulatedBackend& world = *owned;
  prepare(world, setup);
  Scheduler scheduler(std::move(owned));
  scheduler.shuffle_equal_deadlines(Random(setup.seed).next());
  scheduler.set_exception_handler([this](Scheduler&, const ExceptionContext& context) {
    const AllocationFaults::Spared spared;
    complain("reported: " + context.to_string());
  });
  drive(scheduler, setup);
  if (scheduler.armed_timers() != 0) {
    complain(std::to_string(scheduler.armed_timers()) + " timers are still armed");
  }
  scheduler.close();
  look_back(world, setup);
}

// The program owns the world and ends it, so it is looked at as it goes.
void TortureRun::run_program(const SimulationOptions& options, const RunSetup& setup) {
  bool gone = false;
  class World final : public SimulatedBackend {
   public:
    World(const SimulationOptions& chosen, std::function<void(SimulatedBackend&)> at_the_end)
        : SimulatedBackend(chosen), at_the_end_(std::move(at_the_end)) {}
    ~World() override {
      const AllocationFaults::Spared spared;
      at_the_end_(*this);
    }

   private:
    std::function<void(SimulatedBackend&)> at_the_end_;
  };
  auto world = std::make_unique<World>(options, [&](SimulatedBackend& ending) {
    look_back(ending, setup);
    gone = true;
  });
  prepare(*world, setup);
  std::exception_ptr error;
  try {
    if (setup.main_begins) setup.main_begins();
    scenario_->program_(std::move(world));
  } catch (...) {
    error = std::current_exception();
  }
  if (setup.main_ended) setup.main_ended();
  if (error) judge(error, setup);
  if (!gone) complain("the loop was not closed");
}

void TortureRun::prepare(SimulatedBackend& world, const RunSetup& setup) {
  if (scenario_->network_) scenario_->network_(world.network());
  if (setup.prepare) setup.prepare(world);
}

void TortureRun::look_back(SimulatedBackend& world, const RunSetup& setup) {
  if (setup.inspect) setup.inspect(world);
  if (world.jobs() != 0) complain("jobs are still under way");
  if (world.network().open_descriptors() != 0) {
    complain(std::to_string(world.network().open_descriptors()) + " descriptors are still open");
  }
  hash_ = world.trace().hash();
  if (setup.keep_events) events_ = world.trace().text();
}

void TortureRun::drive(Scheduler& scheduler, const RunSetup& setup) {
  std::exception_ptr error;
  try {
    if (setup.main_begins) setup.main_begins();
    const Task<> task = asyncio::detail::spawn(scheduler, scenario_->main_());
    task.task_block()->expect_pending();
    asyncio::detail::run_until_done(scheduler, task);
    task.task_block()->mark_retrieved();
    error = task.task_block()->error();
  } catch (...) {
    error = std::current_exception();
  }
  if (setup.main_ended) setup.main_ended();
  if (error) judge(error, setup);
  try {
    asyncio::detail::cancel_and_join_all(scheduler);
    // Connections that close do so in the next turns.
    for (int i = 0; i < 4; ++i) {
      scheduler.stop();
      scheduler.run_forever();
    }
  } catch (...) {
    complain("the shutdown failed: " + base::describe(std::current_exception()));
  }
}

void TortureRun::judge(const std::exception_ptr& error, const RunSetup& setup) {
  if (setup.may_fail_with != nullptr && setup.may_fail_with(error)) return;
  complain("main failed: " + base::describe(error));
}

void TortureRun::complain(const std::string& what) {
  for (const std::string_view tolerated : tolerated_) {
    if (what.find(tolerated) != std::string::npos) return;
  }
  for (const std::string& tolerated : scenario_->tolerated_) {
    if (what.find(tolerated) != std::string::npos) return;
  }
  problem_ += (problem_.empty() ? "" : "\n  ") + what;
}

// --- the end of the process
// -----------------------------------------------------------------------

namespace {

/// A run that ends the process leaves its name behind.
class NameAtTheEnd {
 public:
  explicit NameAtTheEnd(const std::function<std::string()>& name) : name_(&name) {
    current = this;
    before_ = std::set_terminate(&tell);
  }
  NameAtTheEnd(const NameAtTheEnd&) = delete;
  ~NameAtTheEnd() {
    current = nullptr;
    std::set_terminate(before_);
  }

 private:
  static void tell() {
    const AllocationFaults::Spared spared;
    const NameAtTheEnd* const run = std::exchange(current, nullptr);
    if (run == nullptr) std::abort();
    std::fprintf(stderr, "std::terminate() in a run; replay with ASYNCIO_TORTURE='%s'\n",
                 (*run->name_)().c_str());
    run->before_();
    std::abort();
  }
  static inline constinit thread_local NameAtTheEnd* current = nullptr;
  const std::function<std::string()>* name_;
  std::terminate_handler before_;
};

}  // namespace

// --- TortureSession
// -------------------------------------------------------------------------------

std::string TortureSession::line(const std::string& place, std::uint64_t seed) const {
  std::string text = scenario_->name() + " " + std::string(driver_) + " " + place;
  return text + " seed=" + std::to_string(seed);
}

void TortureSession::fail(const std::string& problem, const std::string& replay) {
  report_.failures.push_back(scenario_->name() + ": " + problem +
                             "\n  replay with ASYNCIO_TORTURE='" + replay + "'");
}

void TortureSession::run(const RunSetup& setup, const std::function<std::string()>& place) {
  if (enough()) return;
  if (options_->replay.empty()) {
    ++report_.runs;
    const std::function<std::string()> name = [&] { return line(place(), setup.seed); };
    const NameAtTheEnd at_the_end(name);
    const TortureRun made(*scenario_, setup);
    if (!made.problem().empty()) fail(made.problem(), line(place(), setup.seed));
    return;
  }
  if (options_->replay != line(place(), setup.seed)) return;
  ++report_.runs;
  RunSetup loud = setup;
  loud.keep_events = true;
  const TortureRun made(*scenario_, loud);
  std::fputs(made.events().c_str(), stderr);
  if (!made.problem().empty()) fail(made.problem(), line(place(), setup.seed));
}

bool TortureSession::run_clean(RunSetup setup) {
  std::uint64_t hashes[2] = {};
  for (std::uint64_t& hash : hashes) {
    ++report_.runs;
    struct : TaskRecorder {
    } recorder;
    RunSetup own = setup;
    if (own.recorder == nullptr) own.recorder = &recorder;
    const TortureRun made(*scenario_, own);
    hash = made.trace_hash();
    setup.recorder = nullptr;  // the driver's has seen its run
    if (made.problem().empty()) continue;
    fail(made.problem(), line("clean", setup.seed));
    return false;
  }
  if (hashes[0] == hashes[1]) return true;
  fail("two runs with the same seed had different traces", line("clean", setup.seed));
  return false;
}

// --- small things
// ---------------------------------------------------------------------------------

bool is_world_error(const std::exception_ptr& error) { return base::exception_is<OSError>(error); }

std::string_view replay_from_environment() {
  const char* text = std::getenv("ASYNCIO_TORTURE");
  return text == nullptr ? std::string_view() : std::string_view(text);
}

std::string TortureReport::text() const {
  std::string all =
      std::to_string(runs) + " runs, " + std::to_string(failures.size()) + " failures";
  for (const std::string& failure : failures) all += "\n" + failure;
  return all;
}

}  // namespace asyncio::testing
