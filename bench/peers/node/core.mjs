// The items of bench/core in JavaScript, under the same names: core.mjs quick|full|sleepers.
//
// A promise that runs is Node's task, so what asyncio does with create_task is a plain call here,
// and awaiting always takes a turn of the microtask queue. There are neither queues nor locks in
// Node, and no word for "sleep(0)" but setImmediate, a turn of the whole loop. The costs are those
// of the whole process, garbage collection and compilation included.

import { readFileSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { Worker, isMainThread, parentPort } from "node:worker_threads";

function cpuNs() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

// ---- promises

async function trivial() {
  return 1;
}

async function awaitTrivial(n) {
  const begin = cpuNs();
  for (let i = 0; i < n; ++i) await trivial();
  return cpuNs() - begin;
}

async function taskBatch(n) {
  const begin = cpuNs();
  for (let i = 0; i < n; i += 1000) {
    const tasks = [];
    for (let k = 0; k < 1000; ++k) tasks.push(trivial());
    for (const task of tasks) await task;
  }
  return cpuNs() - begin;
}

async function gatherMany(n) {
  const begin = cpuNs();
  for (let i = 0; i < n; i += 10_000) {
    await Promise.all(Array.from({ length: 10_000 }, () => trivial()));
  }
  return cpuNs() - begin;
}

// ---- turns of the loop

async function spin(turns) {
  for (let i = 0; i < turns; ++i) await nextTurn();
}

const switches = (tasks) => async (n) => {
  const turns = n / tasks;
  const others = Array.from({ length: tasks - 1 }, () => spin(turns + 2));
  await nextTurn();
  const begin = cpuNs();
  await spin(turns);
  const end = cpuNs();
  await Promise.all(others);
  return end - begin;
};

async function callSoon(n) {
  let calls = 0;
  const call = () => ++calls;
  const begin = cpuNs();
  for (let i = 0; i < n; i += 1000) {
    for (let k = 0; k < 1000; ++k) setImmediate(call);
    await nextTurn();
  }
  return cpuNs() - begin;
}

async function timerCancel(n) {
  const call = () => {};
  const begin = cpuNs();
  for (let i = 0; i < n; ++i) clearTimeout(setTimeout(call, 30_000));
  return cpuNs() - begin;
}

async function futureWake(n) {
  const rounds = n / 256;
  const promises = new Array(256);
  const resolves = new Array(256);
  async function waitAgainAndAgain(k) {
    for (let i = 0; i < rounds; ++i) {
      await promises[k];
      await nextTurn();
    }
  }
  const remake = () => {
    for (let k = 0; k < 256; ++k) promises[k] = new Promise((resolve) => (resolves[k] = resolve));
  };
  remake();
  const waiters = Array.from({ length: 256 }, (_, k) => waitAgainAndAgain(k));
  let total = 0;
  for (let i = 0; i < rounds; ++i) {
    const begin = cpuNs();
    for (const resolve of resolves) resolve();
    await null; // the microtasks: all have been woken
    total += cpuNs() - begin;
    remake();
    await nextTurn();
  }
  await Promise.all(waiters);
  return total;
}

// ---- errors

async function fall(depth) {
  if (depth === 1) throw new RangeError("deep down");
  return await fall(depth - 1);
}

const raiseThrough = (depth) => async (n) => {
  let caught = 0;
  const begin = cpuNs();
  for (let i = 0; i < n; ++i) {
    try {
      await fall(depth);
    } catch {
      ++caught;
    }
  }
  const end = cpuNs();
  if (caught !== n) throw new Error("an exception was lost");
  return end - begin;
};

async function sleepLong(depth, signal) {
  if (depth === 0) {
    await sleep(3_600_000, undefined, { signal });
  } else {
    await sleepLong(depth - 1, signal);
  }
}

const cancelJoin = (depth) => async (n) => {
  let cancelled = 0;
  const begin = cpuNs();
  for (let i = 0; i < n; ++i) {
    const controller = new AbortController();
    const task = sleepLong(depth, controller.signal);
    controller.abort();
    try {
      await task;
    } catch (error) {
      if (error.name === "AbortError") ++cancelled;
    }
  }
  const end = cpuNs();
  if (cancelled !== n) throw new Error("a cancellation was lost");
  return end - begin;
};

// ---- to another thread and back

async function roundTrips(n) {
  const worker = new Worker(new URL(import.meta.url));
  const answer = () => new Promise((resolve) => worker.once("message", resolve));
  worker.postMessage(0); // the worker has started when it answers
  await answer();
  const wall = process.hrtime.bigint();
  const cpu = cpuNs();
  await new Promise((resolve) => {
    let left = n;
    worker.on("message", (message) => (--left === 0 ? resolve() : worker.postMessage(message)));
    worker.postMessage(0);
  });
  const time = [Number(process.hrtime.bigint() - wall) / n, (cpuNs() - cpu) / n];
  await worker.terminate();
  return time;
}

async function threadItems({ repeats, repeatNs }) {
  const times = [];
  for (let i = 0; i < repeats; ++i) times.push(await roundTrips(Math.ceil(repeatNs / 5000)));
  printRow("loop to loop and back, wall", "ns", median(times.map(([wall]) => wall)));
  printRow("loop to loop and back, CPU of both", "ns", median(times.map(([, cpu]) => cpu)));
}

// ---- 1,000,000 sleepers

const SLEEPERS = 1_000_000;
const DELAY_MS = 8_000; // longer than it takes to start them all

async function sleepOnce() {
  await sleep(DELAY_MS);
}

async function sleepers() {
  const before = process.memoryUsage.rss();
  const beginWall = performance.now();
  const begin = cpuNs();
  const tasks = [];
  for (let i = 0; i < SLEEPERS; ++i) tasks.push(sleepOnce());
  await nextTurn();
  const asleep = cpuNs();
  const bytes = process.memoryUsage.rss() - before;
  if (performance.now() - beginWall > DELAY_MS) throw new Error("the first was due too early");
  await Promise.all(tasks);
  const end = cpuNs();
  printRow("1,000,000 sleepers, start", "s", (asleep - begin) * 1e-9);
  printRow("1,000,000 sleepers, wake", "s", (end - asleep) * 1e-9);
  printRow("1,000,000 sleepers, start + wake", "s", (end - begin) * 1e-9);
  printRow("1,000,000 sleepers, each", "B", bytes / SLEEPERS);
}

// ---- main

const ROWS = [
  ["await a trivial coroutine", awaitTrivial, 1000],
  ["create_task + await, 1,000 at a time", taskBatch, 1000],
  ["sleep(0), 1 task", switches(1), 1000],
  ["sleep(0), 2 tasks", switches(2), 1000],
  ["sleep(0), 100 tasks", switches(100), 1000],
  ["sleep(0), 100,000 tasks", switches(100_000), 500_000],
  ["call_soon", callSoon, 1000],
  ["call_later + cancel", timerCancel, 1000],
  ["future: set + wake", futureWake, 256 * 4],
  ["gather of 10,000, per child", gatherMany, 10_000],
  ["raise through 1 coroutine", raiseThrough(1), 100],
  ["raise through 5 coroutines", raiseThrough(5), 100],
  ["raise through 10 coroutines", raiseThrough(10), 100],
  ["raise through 20 coroutines", raiseThrough(20), 100],
  ["cancel + join of a sleeper", cancelJoin(0), 100],
  ["cancel + join of a sleeper, 5 deep", cancelJoin(5), 100],
  ["cancel + join of a sleeper, 20 deep", cancelJoin(20), 100],
];

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function printRow(row, unit, value) {
  console.log(`${row}\t${unit}\t${value.toPrecision(4)}`);
}

async function nsPerOperation(item, leastN, { repeats, repeatNs }) {
  let n = leastN;
  while ((await item(n)) < repeatNs) n *= 2;
  const times = [];
  for (let i = 0; i < repeats; ++i) times.push((await item(n)) / n);
  return median(times);
}

async function main(command) {
  if (command === "sleepers") return sleepers();
  const effort =
    command === "quick" ? { repeats: 3, repeatNs: 1e6 } : { repeats: 3, repeatNs: 1e7 };
  for (const [name, item, leastN] of ROWS) {
    printRow(name, "ns", await nsPerOperation(item, leastN, effort));
  }
  await threadItems(effort);
}

if (isMainThread) {
  await main(process.argv[2]);
} else {
  parentPort.on("message", (message) => parentPort.postMessage(message));
}
