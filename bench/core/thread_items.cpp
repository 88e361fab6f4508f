// What it costs to go to another thread and back.
#include <algorithm>
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"
#include "bench/core/raw_threads.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::EventLoop;
using asyncio::Future;

Coro<> hang_up(asyncio::StreamReader, asyncio::StreamWriter) { co_return; }

// A loop with a socket to watch sleeps in epoll_wait, one without in a futex.
enum class Watching { nothing, a_socket };

Coro<std::optional<asyncio::Server>> start_watching(Watching watching) {
  std::optional<asyncio::Server> server;
  if (watching == Watching::a_socket) {
    server = co_await asyncio::start_server(hang_up, "127.0.0.1", 0);
  }
  co_return server;
}

// A loop in a thread of its own, asleep unless it is called.
class OtherLoop {
 public:
  explicit OtherLoop(Watching watching)
      : thread_([this, watching] { asyncio::run(stay(watching)); }),
        loop_(started_.get_future().get()) {}
  ~OtherLoop() {
    loop_->call_soon_threadsafe([this] { over_.set_result(); });
    thread_.join();
  }
  EventLoop& operator*() { return *loop_; }

 private:
  Coro<> stay(Watching watching) {
    std::optional<asyncio::Server> server = co_await start_watching(watching);
    over_ = asyncio::create_future<>();
    started_.set_value(&asyncio::get_running_loop());
    co_await over_;
    if (server) server->close();
  }

  std::promise<EventLoop*> started_;
  Future<> over_;
  std::thread thread_;
  EventLoop* loop_;
};

struct PingPong {
  EventLoop& here;
  EventLoop& there;
  std::size_t left;
  Future<> done;

  void ping() {
    there.call_soon_threadsafe([this] { here.call_soon_threadsafe([this] { pong(); }); });
  }
  void pong() {
    if (--left == 0) {
      done.set_result();
    } else {
      ping();
    }
  }
};

// Each loop goes to sleep until the other one calls.
Coro<WallAndCpu> time_round_trips(Watching watching, std::size_t n) {
  std::optional<asyncio::Server> server = co_await start_watching(watching);
  OtherLoop other(watching);
  PingPong game{asyncio::get_running_loop(), *other, n, asyncio::create_future<>()};
  const Stopwatch watch;
  game.ping();
  co_await game.done;
  const WallAndCpu time = watch.read();
  if (server) server->close();
  co_return time;
}

Coro<WallAndCpu> time_to_thread(std::size_t n) {
  co_await asyncio::to_thread([] {});  // starts the thread
  const Stopwatch watch;
  for (std::size_t i = 0; i < n; ++i) co_await asyncio::to_thread([] {});
  co_return watch.read();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print_median(const char* row, const char* unit, const std::vector<double>& values) {
  print_row(row, unit, median(values));
}

}  // namespace

void thread_items(const Effort& effort) {
  const auto n = static_cast<std::size_t>(effort.repeat_ns / 5000);
  std::vector<double> bare_wall;
  std::vector<double> bare_cpu;
  std::vector<double> wall;
  std::vector<double> cpu;
  std::vector<double> wall_ratio;
  std::vector<double> cpu_ratio;
  std::vector<double> pool_wall;
  std::vector<double> pool_cpu;
  for (int i = 0; i < effort.repeats; ++i) {
    const WallAndCpu bare = asyncio::run(time_round_trips(Watching::nothing, n)).per(n);
    const WallAndCpu ours = asyncio::run(time_round_trips(Watching::a_socket, n)).per(n);
    const WallAndCpu raw = raw_round_trips(n).per(n);
    const WallAndCpu pool = asyncio::run(time_to_thread(n)).per(n);
    bare_wall.push_back(bare.wall_ns);
    bare_cpu.push_back(bare.cpu_ns);
    wall.push_back(ours.wall_ns);
    cpu.push_back(ours.cpu_ns);
    wall_ratio.push_back(ours.wall_ns / raw.wall_ns);
    cpu_ratio.push_back(ours.cpu_ns / raw.cpu_ns);
    pool_wall.push_back(pool.wall_ns);
    pool_cpu.push_back(pool.cpu_ns);
  }
  print_median("loop to loop and back, wall", "ns", bare_wall);
  print_median("loop to loop and back, CPU of both", "ns", bare_cpu);
  print_median("loop to loop and back, sockets watched, wall", "ns", wall);
  print_median("loop to loop and back, sockets watched, CPU", "ns", cpu);
  print_median("sockets watched / raw eventfd + epoll, wall", "x", wall_ratio);
  print_median("sockets watched / raw eventfd + epoll, CPU", "x", cpu_ratio);
  print_median("to_thread and back, wall", "ns", pool_wall);
  print_median("to_thread and back, CPU of both", "ns", pool_cpu);
}

}  // namespace bench
