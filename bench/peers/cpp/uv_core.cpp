// The items of bench/core that libuv has a word for, under the same names:
// uv_core quick|full|sleepers. It has callbacks and no tasks: a task that yields is an idle handle,
// which is called in every turn of the loop; one that sleeps is a timer.
#include <uv.h>

#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/peers/cpp/meter.hpp"

namespace {

using namespace peer;

class Loop {
 public:
  Loop() { uv_loop_init(&loop_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // What is still open is closed.
  ~Loop() {
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void*) {
          if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
        },
        nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop_) != 0) std::abort();
  }
  uv_loop_t* get() { return &loop_; }
  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }

 private:
  uv_loop_t loop_;
};

double run_nothing(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  return thread_cpu_ns() - begin;
}

// ---- turns of the loop

double switches(std::size_t tasks, std::size_t n) {
  std::vector<uv_idle_t> idles(tasks);
  Loop loop;
  std::size_t left = n / tasks * tasks;
  for (uv_idle_t& idle : idles) {
    uv_idle_init(loop.get(), &idle);
    idle.data = &left;
    uv_idle_start(&idle, [](uv_idle_t* handle) {
      if (--*static_cast<std::size_t*>(handle->data) == 0) uv_stop(handle->loop);
    });
  }
  const double begin = thread_cpu_ns();
  loop.run();
  return thread_cpu_ns() - begin;
}

double timer_stop(std::size_t n) {
  uv_timer_t timer;
  Loop loop;
  uv_timer_init(loop.get(), &timer);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    uv_timer_start(&timer, [](uv_timer_t*) {}, 30'000, 0);
    uv_timer_stop(&timer);
  }
  return thread_cpu_ns() - begin;
}

// ---- threads

// uv_async_send says that there is something to do; what, is in a queue of the user's.
class Mailbox {
 public:
  explicit Mailbox(uv_loop_t* loop) {
    bell_.data = this;
    uv_async_init(loop, &bell_,
                  [](uv_async_t* bell) { static_cast<Mailbox*>(bell->data)->call_all(); });
  }

  void post(std::function<void()> call) {
    {
      const std::scoped_lock guard(lock_);
      calls_.push_back(std::move(call));
    }
    uv_async_send(&bell_);
  }

 private:
  void call_all() {
    {
      const std::scoped_lock guard(lock_);
      calls_.swap(taken_);
    }
    for (const std::function<void()>& call : taken_) call();
    taken_.clear();
  }

  uv_async_t bell_{};
  std::mutex lock_;
  std::vector<std::function<void()>> calls_;
  std::vector<std::function<void()>> taken_;
};

double flood(std::size_t n, bool caller_only) {
  auto loop = std::make_unique<Loop>();
  Mailbox mailbox(loop->get());
  std::size_t left = n;
  double caller_time = 0;
  const double begin = process_cpu_ns();
  std::thread caller([&] {
    const double caller_begin = thread_cpu_ns();
    for (std::size_t i = 0; i < n; ++i) {
      mailbox.post([&] {
        if (--left == 0) uv_stop(loop->get());
      });
    }
    caller_time = thread_cpu_ns() - caller_begin;
  });
  loop->run();
  const double both = process_cpu_ns() - begin;
  caller.join();
  loop.reset();  // before the handle in the mailbox
  return caller_only ? caller_time : both;
}

struct Player {
  uv_async_t bell{};
  Loop loop;
  Player* other = nullptr;
  std::size_t left = 0;

  Player() {
    bell.data = this;
    uv_async_init(loop.get(), &bell, [](uv_async_t* handle) {
      auto& player = *static_cast<Player*>(handle->data);
      uv_async_send(&player.other->bell);
      if (--player.left == 0) uv_stop(handle->loop);
    });
  }
};

WallAndCpu round_trips(std::size_t n) {
  Player here;
  Player there;
  here.other = &there;
  there.other = &here;
  here.left = n;
  there.left = n + 1;  // the last call of `here` has no answer that counts
  std::promise<void> started;
  std::thread thread([&] {
    started.set_value();
    there.loop.run();
  });
  started.get_future().get();
  const Stopwatch watch;
  uv_async_send(&there.bell);
  here.loop.run();
  const WallAndCpu time = watch.read(n);
  thread.join();
  return time;
}

WallAndCpu to_thread(std::size_t n) {
  struct Work {
    uv_work_t request{};
    std::size_t left = 0;

    static void start(uv_loop_t* loop, uv_work_t* request) {
      uv_queue_work(loop, request, [](uv_work_t*) {}, &done);
    }
    static void done(uv_work_t* request, int) {
      uv_loop_t* loop = request->loop;
      if (--static_cast<Work*>(request->data)->left > 0) start(loop, request);
    }
  };
  Work work;
  Loop loop;
  work.request.data = &work;
  work.left = 1;
  Work::start(loop.get(), &work.request);
  loop.run();  // the threads have started
  work.left = n;
  const Stopwatch watch;
  Work::start(loop.get(), &work.request);
  loop.run();
  return watch.read(n);
}

// ---- 1,000,000 sleepers

constexpr std::size_t kSleepers = 1'000'000;
constexpr std::uint64_t kDelayMs = 3000;  // longer than it takes to start them all

// Each with a handle from the heap, that frees itself when its time has come.
void sleepers() {
  Loop loop;
  const double before = resident_bytes();
  const double begin_wall = wall_ns();
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < kSleepers; ++i) {
    auto* timer = new uv_timer_t;
    uv_timer_init(loop.get(), timer);
    uv_timer_start(
        timer,
        [](uv_timer_t* handle) {
          uv_close(reinterpret_cast<uv_handle_t*>(handle),
                   [](uv_handle_t* closed) { delete reinterpret_cast<uv_timer_t*>(closed); });
        },
        kDelayMs, 0);
  }
  const double asleep = thread_cpu_ns();
  const double bytes = resident_bytes() - before;
  if (wall_ns() - begin_wall > kDelayMs * 1e6) std::abort();  // the first one was due too early
  loop.run();
  const double end = thread_cpu_ns();
  print_sleepers(begin, asleep, end, bytes / kSleepers);
}

// ---- main

// clang-format off
constexpr Row kRows[] = {
    {"sleep(0), 1 task", [](std::size_t n) { return switches(1, n); }, 1000},
    {"sleep(0), 2 tasks", [](std::size_t n) { return switches(2, n); }, 1000},
    {"sleep(0), 100 tasks", [](std::size_t n) { return switches(100, n); }, 1000},
    {"sleep(0), 100,000 tasks", [](std::size_t n) { return switches(100'000, n); }, 500'000},
    {"call_later + cancel", &timer_stop, 1000},
    {"run(nothing)", &run_nothing, 100},
    {"call_soon_threadsafe flood, caller", [](std::size_t n) { return flood(n, true); }, 100'000},
    {"call_soon_threadsafe flood, both threads", [](std::size_t n) { return flood(n, false); }, 100'000},
};
// clang-format on

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "sleepers") {
    sleepers();
    return 0;
  }
  const Effort effort = command == "quick" ? Effort{3, 1e6} : Effort{3, 1e7};
  for (const Row& row : kRows) print_row(row.name, "ns", ns_per_operation(row, effort));
  print_threads("loop to loop", &round_trips, effort);
  print_threads("to_thread", &to_thread, effort);
}
