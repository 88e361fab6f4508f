// The items of bench/core with Boost.Asio's coroutines, under the same names:
// asio_core quick|full|sleepers. One io_context, told that only one thread runs it.

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/peers/cpp/meter.hpp"

namespace net = boost::asio;
using namespace std::chrono_literals;

namespace {

using namespace peer;

constexpr int kOneThread = 1;

template <class T>
T run(net::awaitable<T> coroutine) {
  net::io_context context(kOneThread);
  std::future<T> result = net::co_spawn(context, std::move(coroutine), net::use_future);
  context.run();
  return result.get();
}

// Asio's word for asyncio.sleep(0).
net::awaitable<void> yield() { co_await net::post(net::deferred); }

// The token is `deferred`, which a coroutine awaits without a frame for the operation. In
// Boost 1.81 that does not compile for a value beside an exception_ptr, so co_spawn has
// use_awaitable.

// A task that can be joined: co_spawn for either token starts only when it is awaited, so the
// result goes through a channel with room for it.
template <class T>
using Result = net::experimental::channel<void(std::exception_ptr, T)>;

// ---- coroutines and tasks

[[gnu::noinline]] net::awaitable<int> trivial() { co_return 1; }

net::awaitable<double> await_trivial(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) co_await trivial();
  co_return thread_cpu_ns() - begin;
}

net::awaitable<double> task_single(std::size_t n) {
  const auto executor = co_await net::this_coro::executor;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i)
    co_await net::co_spawn(executor, trivial(), net::use_awaitable);
  co_return thread_cpu_ns() - begin;
}

net::awaitable<double> task_batch(std::size_t n) {
  constexpr std::size_t kBatch = 1000;
  const auto executor = co_await net::this_coro::executor;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kBatch) {
    std::vector<std::unique_ptr<Result<int>>> results;
    results.reserve(kBatch);
    for (std::size_t k = 0; k < kBatch; ++k) {
      results.push_back(std::make_unique<Result<int>>(executor, 1));
      net::co_spawn(executor, trivial(),
                    [result = results.back().get()](std::exception_ptr error, int value) {
                      result->try_send(error, value);
                    });
    }
    for (const auto& result : results) co_await result->async_receive(net::use_awaitable);
  }
  co_return thread_cpu_ns() - begin;
}

net::awaitable<double> gather_many(std::size_t n) {
  constexpr std::size_t kChildren = 10'000;
  const auto executor = co_await net::this_coro::executor;
  using Child = decltype(net::co_spawn(executor, trivial(), net::deferred));
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kChildren) {
    std::vector<Child> children;
    children.reserve(kChildren);
    for (std::size_t k = 0; k < kChildren; ++k) {
      children.push_back(net::co_spawn(executor, trivial(), net::deferred));
    }
    co_await net::experimental::make_parallel_group(std::move(children))
        .async_wait(net::experimental::wait_for_all(), net::deferred);
  }
  co_return thread_cpu_ns() - begin;
}

net::awaitable<double> timeout_trivial(std::size_t n) {
  using namespace net::experimental::awaitable_operators;
  net::steady_timer timer(co_await net::this_coro::executor);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    timer.expires_after(10s);
    co_await (trivial() || timer.async_wait(net::use_awaitable));
  }
  co_return thread_cpu_ns() - begin;
}

net::awaitable<int> nothing() { co_return 0; }

double run_nothing(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) run(nothing());
  return thread_cpu_ns() - begin;
}

// ---- turns of the loop

net::awaitable<void> spin(std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i) co_await yield();
}

net::awaitable<double> switches(std::size_t tasks, std::size_t n) {
  const std::size_t turns = n / tasks;
  const auto executor = co_await net::this_coro::executor;
  for (std::size_t i = 1; i < tasks; ++i) net::co_spawn(executor, spin(turns + 2), net::detached);
  co_await yield();
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < turns; ++i) co_await yield();
  co_return thread_cpu_ns() - begin;
}

net::awaitable<double> switches_watching(std::size_t n) {
  net::ip::tcp::acceptor acceptor(co_await net::this_coro::executor,
                                  {net::ip::address_v4::loopback(), 0});
  acceptor.async_accept([](const boost::system::error_code&, const net::ip::tcp::socket&) {});
  const double time = co_await switches(1, n);
  acceptor.close();
  co_return time;
}

net::awaitable<double> call_soon(std::size_t n) {
  constexpr std::size_t kBatch = 1000;
  const auto executor = co_await net::this_coro::executor;
  std::size_t calls = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kBatch) {
    for (std::size_t k = 0; k < kBatch; ++k) net::post(executor, [&calls] { ++calls; });
    co_await yield();
  }
  co_return thread_cpu_ns() - begin;
}

// A cancelled handler is called all the same, with operation_aborted.
net::awaitable<double> timer_cancel(std::size_t n) {
  net::steady_timer timer(co_await net::this_coro::executor);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    timer.expires_after(30s);
    timer.async_wait([](const boost::system::error_code&) {});
    timer.cancel();
    if (i % 1000 == 999) co_await yield();
  }
  co_return thread_cpu_ns() - begin;
}

using Queue = net::experimental::channel<void(boost::system::error_code, std::size_t)>;

net::awaitable<void> receive_again_and_again(Queue& queue, std::size_t n, std::size_t& ended) {
  for (std::size_t i = 0; i < n; ++i) co_await queue.async_receive(net::deferred);
  ++ended;
}

// A channel with room for one value is the nearest to a future that a coroutine awaits.
net::awaitable<double> future_wake(std::size_t n) {
  constexpr std::size_t kWaiters = 256;
  const std::size_t rounds = n / kWaiters;
  const auto executor = co_await net::this_coro::executor;
  std::vector<std::unique_ptr<Queue>> futures;
  std::size_t ended = 0;
  for (std::size_t k = 0; k < kWaiters; ++k) {
    futures.push_back(std::make_unique<Queue>(executor, 1));
    net::co_spawn(executor, receive_again_and_again(*futures.back(), rounds, ended), net::detached);
  }
  co_await yield();
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < rounds; ++i) {
    for (const auto& future : futures) future->try_send(boost::system::error_code(), i);
    co_await yield();
  }
  while (ended < kWaiters) co_await yield();
  co_return thread_cpu_ns() - begin;
}

double flood(std::size_t n, bool caller_only) {
  net::io_context context;  // two threads: with its locks
  auto work = net::make_work_guard(context);
  std::size_t left = n;
  double caller_time = 0;
  const double begin = process_cpu_ns();
  std::thread caller([&] {
    const double caller_begin = thread_cpu_ns();
    for (std::size_t i = 0; i < n; ++i) {
      net::post(context, [&] {
        if (--left == 0) work.reset();
      });
    }
    caller_time = thread_cpu_ns() - caller_begin;
  });
  context.run();
  const double both = process_cpu_ns() - begin;
  caller.join();
  return caller_only ? caller_time : both;
}

// ---- queues; Asio has no lock for coroutines

net::awaitable<double> queue_free(std::size_t n) {
  Queue queue(co_await net::this_coro::executor, 16);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    co_await queue.async_send(boost::system::error_code(), i, net::deferred);
    co_await queue.async_receive(net::deferred);
  }
  co_return thread_cpu_ns() - begin;
}

net::awaitable<void> put_all(Queue& queue, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    co_await queue.async_send(boost::system::error_code(), i, net::deferred);
  }
}

net::awaitable<double> queue_of(std::size_t size, std::size_t n) {
  const auto executor = co_await net::this_coro::executor;
  Queue queue(executor, size);
  net::co_spawn(executor, put_all(queue, n), net::detached);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) co_await queue.async_receive(net::deferred);
  const double end = thread_cpu_ns();
  co_await yield();  // the other one ends
  co_return end - begin;
}

// ---- errors

net::awaitable<int> fall(int depth) {
  if (depth == 1) throw std::invalid_argument("deep down");
  const int value = co_await fall(depth - 1);
  co_return value;
}

net::awaitable<double> raise_through(int depth, std::size_t n) {
  std::size_t caught = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    try {
      co_await fall(depth);
    } catch (const std::invalid_argument&) {
      ++caught;
    }
  }
  const double end = thread_cpu_ns();
  if (caught != n) std::abort();
  co_return end - begin;
}

net::awaitable<void> sleep_long(int depth) {
  if (depth == 0) {
    net::steady_timer timer(co_await net::this_coro::executor, 1h);
    co_await timer.async_wait(net::deferred);
  } else {
    co_await sleep_long(depth - 1);
  }
}

net::awaitable<double> cancel_join(int depth, std::size_t n) {
  const auto executor = co_await net::this_coro::executor;
  std::size_t cancelled = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    net::cancellation_signal signal;
    net::experimental::channel<void(std::exception_ptr)> result(executor, 1);
    net::co_spawn(executor, sleep_long(depth),
                  net::bind_cancellation_slot(signal.slot(), [&result](std::exception_ptr error) {
                    result.try_send(error);
                  }));
    co_await yield();
    signal.emit(net::cancellation_type::terminal);
    try {
      co_await result.async_receive(net::deferred);
    } catch (const boost::system::system_error& error) {
      if (error.code() == net::error::operation_aborted) ++cancelled;
    }
  }
  const double end = thread_cpu_ns();
  if (cancelled != n) std::abort();
  co_return end - begin;
}

// ---- to another thread and back

// The operation completes in the other context; the coroutine goes on in its own.
net::awaitable<WallAndCpu> there_and_back(net::any_io_executor there, std::size_t n) {
  co_await net::post(there, net::deferred);  // its thread has started
  const Stopwatch watch;
  for (std::size_t i = 0; i < n; ++i) co_await net::post(there, net::deferred);
  co_return watch.read(n);
}

struct PingPong {
  net::io_context here;
  net::io_context there;
  std::size_t left = 0;

  void ping() {
    net::post(there, [this] { net::post(here, [this] { pong(); }); });
  }
  void pong() {
    if (--left == 0) {
      here.stop();
    } else {
      ping();
    }
  }
};

WallAndCpu round_trips(std::size_t n) {
  PingPong game;
  auto stay_here = net::make_work_guard(game.here);
  auto stay_there = net::make_work_guard(game.there);
  std::promise<void> started;
  net::post(game.there, [&] { started.set_value(); });
  std::thread other([&] { game.there.run(); });
  started.get_future().get();
  game.left = n;
  const Stopwatch watch;
  game.ping();
  game.here.run();
  const WallAndCpu time = watch.read(n);
  stay_there.reset();
  other.join();
  return time;
}

WallAndCpu to_thread(std::size_t n) {
  net::thread_pool pool(1);
  net::io_context context;
  std::future<WallAndCpu> time = net::co_spawn(
      context, there_and_back(net::any_io_executor(pool.get_executor()), n), net::use_future);
  context.run();
  return time.get();
}

// ---- 1,000,000 sleepers

constexpr std::size_t kSleepers = 1'000'000;
constexpr std::chrono::seconds kDelay{5};  // longer than it takes to start them all

net::awaitable<void> sleep_once() {
  net::steady_timer timer(co_await net::this_coro::executor, kDelay);
  co_await timer.async_wait(net::deferred);
}

net::awaitable<double> sleepers() {
  const auto executor = co_await net::this_coro::executor;
  std::size_t left = kSleepers;
  const double before = resident_bytes();
  const double begin_wall = wall_ns();
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < kSleepers; ++i) {
    net::co_spawn(executor, sleep_once(), [&left](const std::exception_ptr&) { --left; });
  }
  co_await yield();
  const double asleep = thread_cpu_ns();
  const double bytes = resident_bytes() - before;
  if (wall_ns() - begin_wall > kDelay / 1ns) std::abort();  // the first one was due too early
  net::steady_timer timer(executor, kDelay);
  co_await timer.async_wait(net::deferred);
  while (left > 0) co_await yield();
  const double end = thread_cpu_ns();
  print_sleepers(begin, asleep, end, bytes / kSleepers);
  co_return 0;
}

// ---- main

constexpr Row kAwait = {"await a trivial coroutine",
                        [](std::size_t n) { return run(await_trivial(n)); }, 1000};
constexpr Row kTimeout = {"wait_for that does not fire, over the await",
                          [](std::size_t n) { return run(timeout_trivial(n)); }, 1000};

// clang-format off
constexpr Row kRows[] = {
    {"create_task + await, one at a time", [](std::size_t n) { return run(task_single(n)); }, 1000},
    {"create_task + await, 1,000 at a time", [](std::size_t n) { return run(task_batch(n)); }, 1000},
    {"sleep(0), 1 task", [](std::size_t n) { return run(switches(1, n)); }, 1000},
    {"sleep(0), 1 task, a socket watched", [](std::size_t n) { return run(switches_watching(n)); }, 1000},
    {"sleep(0), 2 tasks", [](std::size_t n) { return run(switches(2, n)); }, 1000},
    {"sleep(0), 100 tasks", [](std::size_t n) { return run(switches(100, n)); }, 1000},
    {"sleep(0), 100,000 tasks", [](std::size_t n) { return run(switches(100'000, n)); }, 500'000},
    {"call_soon", [](std::size_t n) { return run(call_soon(n)); }, 1000},
    {"call_later + cancel", [](std::size_t n) { return run(timer_cancel(n)); }, 1000},
    {"future: set + wake", [](std::size_t n) { return run(future_wake(n)); }, 256 * 4},
    {"queue: put + get, nobody waits", [](std::size_t n) { return run(queue_free(n)); }, 1000},
    {"queue of 1: put + get, two tasks", [](std::size_t n) { return run(queue_of(1, n)); }, 1000},
    {"queue of 100: put + get, two tasks", [](std::size_t n) { return run(queue_of(100, n)); }, 1000},
    {"gather of 10,000, per child", [](std::size_t n) { return run(gather_many(n)); }, 10'000},
    {"run(nothing)", &run_nothing, 100},
    {"raise through 1 coroutine", [](std::size_t n) { return run(raise_through(1, n)); }, 100},
    {"raise through 5 coroutines", [](std::size_t n) { return run(raise_through(5, n)); }, 100},
    {"raise through 10 coroutines", [](std::size_t n) { return run(raise_through(10, n)); }, 100},
    {"raise through 20 coroutines", [](std::size_t n) { return run(raise_through(20, n)); }, 100},
    {"cancel + join of a sleeper", [](std::size_t n) { return run(cancel_join(0, n)); }, 100},
    {"cancel + join of a sleeper, 5 deep", [](std::size_t n) { return run(cancel_join(5, n)); }, 100},
    {"cancel + join of a sleeper, 20 deep", [](std::size_t n) { return run(cancel_join(20, n)); }, 100},
    {"call_soon_threadsafe flood, caller", [](std::size_t n) { return flood(n, true); }, 100'000},
    {"call_soon_threadsafe flood, both threads", [](std::size_t n) { return flood(n, false); }, 100'000},
};
// clang-format on

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "sleepers") {
    run(sleepers());
    return 0;
  }
  const Effort effort = command == "quick" ? Effort{3, 1e6} : Effort{3, 1e7};
  const double await_ns = ns_per_operation(kAwait, effort);
  print_row(kAwait.name, "ns", await_ns);
  for (const Row& row : kRows) print_row(row.name, "ns", ns_per_operation(row, effort));
  print_row(kTimeout.name, "ns", ns_per_operation(kTimeout, effort) - await_ns);
  print_threads("loop to loop", &round_trips, effort);
  print_threads("to_thread", &to_thread, effort);
}
