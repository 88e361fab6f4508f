// What the core is measured by. Each does `n` operations and gives the CPU time they took in
// nanoseconds, without what is needed to set them up. bench/peers/python/core.py does the same in
// Python.
#pragma once

#include <cstddef>

#include "bench/core/meter.hpp"

namespace bench {

// Coroutines and tasks
double await_trivial(std::size_t n);
double task_single(std::size_t n);
double task_batch(std::size_t n);         // n: a multiple of 1,000
double gather_many(std::size_t n);        // n: a multiple of 10,000
double task_group_many(std::size_t n);    // n: a multiple of 10,000
double as_completed_many(std::size_t n);  // n: a multiple of 10,000
double wait_for_trivial(std::size_t n);
double run_nothing(std::size_t n);

// Turns of the loop
double switch_one(std::size_t n);
double switch_one_watching(std::size_t n);  // with a listening socket
double switch_two(std::size_t n);           // n: even
double switch_hundred(std::size_t n);       // n: a multiple of 100
double switch_many(std::size_t n);          // n: a multiple of 100,000
double switch_among(std::size_t tasks, std::size_t n);
double call_soon(std::size_t n);  // n: a multiple of 1,000
double call_later_cancel(std::size_t n);
double future_wake(std::size_t n);   // n: a multiple of 256
double flood_caller(std::size_t n);  // the calling thread alone
double flood_both(std::size_t n);    // with the loop's thread

// Locks and queues
double queue_free(std::size_t n);
double queue_one(std::size_t n);
double queue_hundred(std::size_t n);
double lock_free(std::size_t n);
double lock_handover(std::size_t n);  // n: even
double event_wake(std::size_t n);     // n: a multiple of 256

// Errors
double raise_1(std::size_t n);
double raise_5(std::size_t n);
double raise_10(std::size_t n);
double raise_20(std::size_t n);
double pass_1(std::size_t n);
double pass_5(std::size_t n);
double pass_10(std::size_t n);
double pass_20(std::size_t n);

// Cancellation of a task that sleeps, so many coroutines below its own
double cancel_join_0(std::size_t n);
double cancel_join_5(std::size_t n);
double cancel_join_20(std::size_t n);
double cancel_try_0(std::size_t n);
double cancel_try_5(std::size_t n);
double cancel_try_20(std::size_t n);
double cancel_pass_0(std::size_t n);
double cancel_pass_5(std::size_t n);
double cancel_pass_20(std::size_t n);

/// Two loops that wake each other, and the executor: prints wall and CPU time.
void thread_items(const Effort& effort);
/// 1,000,000 tasks that sleep: prints what it takes to start and to wake them, and bytes each.
void sleepers();

/// What an operation costs among 100 to 1,000,000 tasks, timers, sleepers.
void growth();

}  // namespace bench
