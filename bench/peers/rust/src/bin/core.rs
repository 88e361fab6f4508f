//! The items of bench/core on tokio's current_thread runtime, under the same names:
//! `core quick|full|sleepers|growth`. What tokio has no word for is left out: there is no call_soon, and
//! an error is a value that `?` hands on, so that it compares with our pass(), not with a throw.

use std::future::Future;
use std::pin::{pin, Pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, Mutex, Notify};
use tokio::task::{spawn, spawn_blocking, yield_now, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

fn clock(id: libc::clockid_t) -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for the call.
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn thread_cpu_ns() -> f64 {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn process_cpu_ns() -> f64 {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// In a task of its own, as most code of a server is.
fn run<F>(item: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    runtime().block_on(async { spawn(item).await.unwrap() })
}

// ---- coroutines and tasks

/// Its state is a part of the caller's and its code may be too: that is how Rust awaits.
async fn trivial() -> u64 {
    std::hint::black_box(1)
}

async fn await_trivial(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n {
        trivial().await;
    }
    thread_cpu_ns() - begin
}

async fn task_single(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n {
        spawn(trivial()).await.unwrap();
    }
    thread_cpu_ns() - begin
}

async fn task_batch(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n / 1000 {
        let tasks: Vec<JoinHandle<u64>> = (0..1000).map(|_| spawn(trivial())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    thread_cpu_ns() - begin
}

/// Of tasks, as gather makes them; awaited in turn: futures' join_all takes ten times as long here.
async fn gather_many(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n / 10_000 {
        let tasks: Vec<_> = (0..10_000).map(|_| spawn(trivial())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
    thread_cpu_ns() - begin
}

/// Of futures that remain a part of this task.
async fn join_bare(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n / 10_000 {
        join_all((0..10_000).map(|_| trivial())).await;
    }
    thread_cpu_ns() - begin
}

async fn task_group_many(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n / 10_000 {
        let mut tasks = JoinSet::new();
        for _ in 0..10_000 {
            tasks.spawn(trivial());
        }
        tasks.join_all().await;
    }
    thread_cpu_ns() - begin
}

async fn as_completed_many(n: u64) -> f64 {
    let mut sum = 0;
    let begin = thread_cpu_ns();
    for _ in 0..n / 10_000 {
        let mut tasks: JoinSet<u64> = (0..10_000).map(|_| trivial()).collect();
        while let Some(value) = tasks.join_next().await {
            sum += value.unwrap();
        }
    }
    let end = thread_cpu_ns();
    assert_eq!(sum, n);
    end - begin
}

async fn timeout_trivial(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n {
        timeout(Duration::from_secs(10), trivial()).await.unwrap();
    }
    thread_cpu_ns() - begin
}

fn run_nothing(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n {
        runtime().block_on(async {});
    }
    thread_cpu_ns() - begin
}

// ---- turns of the loop

async fn spin(turns: u64) {
    for _ in 0..turns {
        yield_now().await;
    }
}

async fn switch(tasks: u64, n: u64) -> f64 {
    let turns = n / tasks;
    let others: Vec<_> = (1..tasks).map(|_| spawn(spin(turns + 2))).collect();
    yield_now().await;
    let begin = thread_cpu_ns();
    spin(turns).await;
    let end = thread_cpu_ns();
    join_all(others).await;
    end - begin
}

async fn switch_watching(n: u64) -> f64 {
    let _listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    switch(1, n).await
}

/// A timer is armed by the first poll of its future and disarmed when that is dropped.
async fn timer_cancel(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    for _ in 0..n {
        let timer = pin!(sleep(Duration::from_secs(30)));
        assert!(futures::poll!(timer).is_pending());
    }
    thread_cpu_ns() - begin
}

#[derive(Default)]
struct Futures {
    waiting: StdMutex<Vec<oneshot::Sender<()>>>,
    woken: AtomicUsize,
}

async fn wait_again_and_again(futures: Arc<Futures>, rounds: usize) {
    for _ in 0..rounds {
        let (sender, receiver) = oneshot::channel();
        futures.waiting.lock().unwrap().push(sender);
        receiver.await.unwrap();
        futures.woken.fetch_add(1, Relaxed);
        yield_now().await;
    }
}

/// The channels are made before the clock starts; they are our futures.
async fn future_wake(n: u64) -> f64 {
    let rounds = n as usize / 256;
    let futures = Arc::new(Futures::default());
    let waiters: Vec<_> = (0..256)
        .map(|_| spawn(wait_again_and_again(futures.clone(), rounds)))
        .collect();
    let mut total = 0.0;
    for round in 1..=rounds {
        while futures.waiting.lock().unwrap().len() < 256 {
            yield_now().await;
        }
        let senders = std::mem::take(&mut *futures.waiting.lock().unwrap());
        let begin = thread_cpu_ns();
        for sender in senders {
            sender.send(()).unwrap();
        }
        while futures.woken.load(Relaxed) < 256 * round {
            yield_now().await;
        }
        total += thread_cpu_ns() - begin;
    }
    join_all(waiters).await;
    total
}

/// A channel is how one thread gives another one's tasks work.
fn flood(n: u64) -> (f64, f64) {
    runtime().block_on(async move {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let begin = process_cpu_ns();
        let caller = std::thread::spawn(move || {
            let begin = thread_cpu_ns();
            for i in 0..n {
                sender.send(i).unwrap();
            }
            thread_cpu_ns() - begin
        });
        let mut left = n;
        while receiver.recv().await.is_some() {
            left -= 1;
        }
        let both = process_cpu_ns() - begin;
        assert_eq!(left, 0);
        (caller.join().unwrap(), both)
    })
}

// ---- locks and queues

async fn queue_free(n: u64) -> f64 {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let begin = thread_cpu_ns();
    for i in 0..n {
        sender.send(i).unwrap();
        receiver.recv().await.unwrap();
    }
    thread_cpu_ns() - begin
}

async fn queue_of(size: usize, n: u64) -> f64 {
    let (sender, mut receiver) = mpsc::channel(size);
    let producer = spawn(async move {
        for i in 0..n {
            sender.send(i).await.unwrap();
        }
    });
    let begin = thread_cpu_ns();
    for _ in 0..n {
        receiver.recv().await.unwrap();
    }
    let end = thread_cpu_ns();
    producer.await.unwrap();
    end - begin
}

async fn take_again_and_again(lock: Arc<Mutex<()>>, n: u64) {
    for _ in 0..n {
        drop(lock.lock().await);
    }
}

async fn lock_free(n: u64) -> f64 {
    let begin = thread_cpu_ns();
    take_again_and_again(Arc::new(Mutex::new(())), n).await;
    thread_cpu_ns() - begin
}

async fn lock_handover(n: u64) -> f64 {
    let lock = Arc::new(Mutex::new(()));
    let guard = lock.lock().await;
    let tasks: Vec<_> = (0..2)
        .map(|_| spawn(take_again_and_again(lock.clone(), n / 2)))
        .collect();
    yield_now().await;
    let begin = thread_cpu_ns();
    drop(guard);
    for task in tasks {
        task.await.unwrap();
    }
    thread_cpu_ns() - begin
}

async fn event_wake(n: u64) -> f64 {
    let rounds = n / 256;
    let event = Arc::new(Notify::new());
    let waiters: Vec<_> = (0..256)
        .map(|_| {
            let event = event.clone();
            spawn(async move {
                for _ in 0..rounds {
                    event.notified().await;
                }
            })
        })
        .collect();
    yield_now().await;
    let begin = thread_cpu_ns();
    for _ in 0..rounds {
        event.notify_waiters();
        yield_now().await;
    }
    let end = thread_cpu_ns();
    join_all(waiters).await;
    end - begin
}

// ---- errors

type Error = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A recursive async function must be boxed; so each has memory of its own, as our coroutines.
fn fall(depth: u32) -> BoxFuture<Result<u64, Error>> {
    Box::pin(async move {
        if depth == 1 {
            return Err("deep down".into());
        }
        let value = fall(depth - 1).await?;
        Ok(value)
    })
}

async fn fail_through(depth: u32, n: u64) -> f64 {
    let mut failed = 0;
    let begin = thread_cpu_ns();
    for _ in 0..n {
        failed += u64::from(fall(depth).await.is_err());
    }
    let end = thread_cpu_ns();
    assert_eq!(failed, n);
    end - begin
}

fn sleep_long(depth: u32) -> BoxFuture<()> {
    Box::pin(async move {
        if depth == 0 {
            sleep(Duration::from_secs(3600)).await;
        } else {
            sleep_long(depth - 1).await;
        }
    })
}

/// The runtime drops the task's future; nothing is thrown, and the join gives a value. So it stands
/// beside both of our ways, that with exceptions and that without.
async fn cancel_join(depth: u32, n: u64) -> f64 {
    let mut cancelled = 0;
    let begin = thread_cpu_ns();
    for _ in 0..n {
        let task = spawn(sleep_long(depth));
        yield_now().await;
        task.abort();
        cancelled += u64::from(task.await.unwrap_err().is_cancelled());
    }
    let end = thread_cpu_ns();
    assert_eq!(cancelled, n);
    end - begin
}

// ---- to another thread and back

struct Stopwatch(Instant, f64);

impl Stopwatch {
    fn start() -> Self {
        Stopwatch(Instant::now(), process_cpu_ns())
    }

    fn read(self, n: u64) -> (f64, f64) {
        let wall = self.0.elapsed().as_nanos() as f64;
        (wall / n as f64, (process_cpu_ns() - self.1) / n as f64)
    }
}

fn round_trips(n: u64) -> (f64, f64) {
    let (to_there, mut there) = mpsc::unbounded_channel();
    let (to_here, mut here) = mpsc::unbounded_channel();
    let other = std::thread::spawn(move || {
        runtime().block_on(async move {
            while let Some(i) = there.recv().await {
                to_here.send(i).unwrap();
            }
        })
    });
    let time = runtime().block_on(async move {
        to_there.send(0).unwrap(); // the other runtime has started when it answers
        here.recv().await;
        let watch = Stopwatch::start();
        for i in 0..n {
            to_there.send(i).unwrap();
            here.recv().await;
        }
        watch.read(n)
    });
    other.join().unwrap();
    time
}

fn to_thread(n: u64) -> (f64, f64) {
    runtime().block_on(async move {
        spawn_blocking(|| {}).await.unwrap(); // starts the thread
        let watch = Stopwatch::start();
        for _ in 0..n {
            spawn_blocking(|| {}).await.unwrap();
        }
        watch.read(n)
    })
}

fn thread_items(effort: &Effort) {
    let n = (effort.repeat_ns / 5000.0) as u64;
    let items: [(&str, fn(u64) -> (f64, f64)); 2] =
        [("loop to loop", round_trips), ("to_thread", to_thread)];
    for (name, item) in items {
        let (walls, cpus) = (0..effort.repeats).map(|_| item(n)).unzip();
        print_row(&format!("{name} and back, wall"), "ns", median(walls));
        print_row(&format!("{name} and back, CPU of both"), "ns", median(cpus));
    }
}

// ---- 1,000,000 sleepers

const SLEEPERS: usize = 1_000_000;
const DELAY: Duration = Duration::from_secs(3); // longer than it takes to start them all

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024.0
}

async fn sleepers() {
    let before = resident_bytes();
    let begin_wall = Instant::now();
    let begin = thread_cpu_ns();
    let mut tasks = Vec::with_capacity(SLEEPERS);
    for _ in 0..SLEEPERS {
        tasks.push(spawn(sleep(DELAY)));
    }
    yield_now().await;
    let asleep = thread_cpu_ns();
    let bytes = resident_bytes() - before;
    assert!(
        begin_wall.elapsed() < DELAY,
        "the first sleeper was due too early"
    );
    for task in tasks {
        task.await.unwrap();
    }
    let end = thread_cpu_ns();
    print_row("1,000,000 sleepers, start", "s", (asleep - begin) * 1e-9);
    print_row("1,000,000 sleepers, wake", "s", (end - asleep) * 1e-9);
    print_row(
        "1,000,000 sleepers, start + wake",
        "s",
        (end - begin) * 1e-9,
    );
    print_row("1,000,000 sleepers, each", "B", bytes / SLEEPERS as f64);
}

// ---- main

struct Effort {
    repeats: usize,
    repeat_ns: f64,
}

type Item = fn(u64) -> f64;

const AWAIT: (&str, Item, u64) = ("await a trivial coroutine", |n| run(await_trivial(n)), 1000);

#[rustfmt::skip]
const ROWS: &[(&str, Item, u64)] = &[
    ("create_task + await, one at a time", |n| run(task_single(n)), 1000),
    ("create_task + await, 1,000 at a time", |n| run(task_batch(n)), 1000),
    ("sleep(0), 1 task", |n| run(switch(1, n)), 1000),
    ("sleep(0), 1 task, a socket watched", |n| run(switch_watching(n)), 1000),
    ("sleep(0), 2 tasks", |n| run(switch(2, n)), 1000),
    ("sleep(0), 100 tasks", |n| run(switch(100, n)), 1000),
    ("sleep(0), 100,000 tasks", |n| run(switch(100_000, n)), 500_000),
    ("call_later + cancel", |n| run(timer_cancel(n)), 1000),
    ("future: set + wake", |n| run(future_wake(n)), 256 * 4),
    ("queue: put + get, nobody waits", |n| run(queue_free(n)), 1000),
    ("queue of 1: put + get, two tasks", |n| run(queue_of(1, n)), 1000),
    ("queue of 100: put + get, two tasks", |n| run(queue_of(100, n)), 1000),
    ("lock: acquire + release, free", |n| run(lock_free(n)), 1000),
    ("lock: handed over", |n| run(lock_handover(n)), 1000),
    ("event: set + wake", |n| run(event_wake(n)), 256 * 4),
    ("gather of 10,000, per child", |n| run(gather_many(n)), 10_000),
    ("join_all of 10,000 that are no tasks", |n| run(join_bare(n)), 10_000),
    ("TaskGroup of 10,000, per child", |n| run(task_group_many(n)), 10_000),
    ("as_completed of 10,000, per child", |n| run(as_completed_many(n)), 10_000),
    ("run(nothing)", run_nothing, 100),
    ("raise with pass() through 1 coroutine", |n| run(fail_through(1, n)), 100),
    ("raise with pass() through 5 coroutines", |n| run(fail_through(5, n)), 100),
    ("raise with pass() through 10 coroutines", |n| run(fail_through(10, n)), 100),
    ("raise with pass() through 20 coroutines", |n| run(fail_through(20, n)), 100),
    ("cancel + join of a sleeper", |n| run(cancel_join(0, n)), 100),
    ("cancel + join of a sleeper, 5 deep", |n| run(cancel_join(5, n)), 100),
    ("cancel + join of a sleeper, 20 deep", |n| run(cancel_join(20, n)), 100),
    ("cancel + try_() through pass()", |n| run(cancel_join(0, n)), 100),
    ("cancel + try_() through pass(), 5 deep", |n| run(cancel_join(5, n)), 100),
    ("cancel + try_() through pass(), 20 deep", |n| run(cancel_join(20, n)), 100),
    ("call_soon_threadsafe flood, caller", |n| flood(n).0, 100_000),
    ("call_soon_threadsafe flood, both threads", |n| flood(n).1, 100_000),
];

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn ns_per_operation(item: Item, least_n: u64, effort: &Effort) -> f64 {
    let mut n = least_n;
    while item(n) < effort.repeat_ns {
        n *= 2;
    }
    median((0..effort.repeats).map(|_| item(n) / n as f64).collect())
}

fn print_row(row: &str, unit: &str, value: f64) {
    println!("{row}\t{unit}\t{value:.6}");
}

// ---- how costs grow

async fn cancel_among(timers: u64) -> f64 {
    const N: u64 = 200_000;
    let delay = |i: u64| Duration::from_secs(3600) + Duration::from_millis(i);
    let mut armed: Vec<_> = (0..timers).map(|i| Box::pin(sleep(delay(i)))).collect();
    for timer in &mut armed {
        assert!(futures::poll!(timer).is_pending());
    }
    let begin = thread_cpu_ns();
    for i in 0..N {
        let timer = pin!(sleep(delay(i * 7919 % timers)));
        assert!(futures::poll!(timer).is_pending());
    }
    (thread_cpu_ns() - begin) / N as f64
}

const SIZES: &[(u64, &str)] = &[
    (100, "100"),
    (1_000, "1,000"),
    (10_000, "10,000"),
    (100_000, "100,000"),
];

fn growth() {
    for &(count, name) in SIZES {
        let n = (3 * count).max(500_000);
        let switch_ns = run(switch(count, n)) / n as f64;
        print_row(&format!("sleep(0), {name} tasks"), "ns", switch_ns);
        let timer_ns = run(cancel_among(count));
        print_row(
            &format!("call_later + cancel, {name} timers"),
            "ns",
            timer_ns,
        );
    }
}

fn main() {
    let effort = match std::env::args().nth(1).as_deref() {
        Some("sleepers") => return run(sleepers()),
        Some("growth") => return growth(),
        Some("quick") => Effort {
            repeats: 3,
            repeat_ns: 1e6,
        },
        _ => Effort {
            repeats: 3,
            repeat_ns: 1e7,
        },
    };
    let await_ns = ns_per_operation(AWAIT.1, AWAIT.2, &effort);
    print_row(AWAIT.0, "ns", await_ns);
    for &(name, item, least_n) in ROWS {
        print_row(name, "ns", ns_per_operation(item, least_n, &effort));
    }
    let timeout_ns = ns_per_operation(|n| run(timeout_trivial(n)), 1000, &effort);
    print_row(
        "wait_for that does not fire, over the await",
        "ns",
        timeout_ns - await_ns,
    );
    thread_items(&effort);
}
