# The arm "python": the same pages with asyncio and aiohttp, as articles 002 and 004 fetch them.
# Reads the job from descriptor 3 and answers on descriptor 4, as the C++ arms do (arm.hpp, measure.hpp).
import asyncio
import os
import resource
import sys
import time

try:
    import aiohttp
except ImportError:
    sys.exit("no aiohttp")

REPORT_FD = 4


def report(text):
    os.write(REPORT_FD, text.encode("utf-8", "replace"))


def read_job():
    job = {"urls": []}
    with open(3, encoding="utf-8") as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition(" ")
            if key == "url":
                job["urls"].append(value)
            else:
                job[key] = value
    return job


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def status_number(name):
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


class Counter:
    def __init__(self):
        self.done = 0
        self.failures = 0
        self.first_error = ""
        self.next_report = 0.0

    def count(self, error):
        self.done += 1
        if error:
            self.failures += 1
            self.first_error = self.first_error or error.replace("\n", " ")
        now = time.monotonic()
        if now >= self.next_report:
            self.next_report = now + 0.04
            report(f"progress {self.done} {self.failures}\n")


async def fetch(session, url, expected, counter):
    error = ""
    try:
        async with session.get(url) as response:
            body = await response.read()
            if response.status >= 400:
                error = f"{url}: status {response.status}"
            elif expected is not None and len(body) != expected:
                error = f"{url}: {len(body)} bytes instead of {expected}"
    except (aiohttp.ClientError, asyncio.TimeoutError, ValueError, OSError) as e:
        error = f"{url}: {e or type(e).__name__}"
    counter.count(error)


async def fetch_all(job, counter):
    urls = job["urls"]
    expected = int(job["expected_bytes"]) if "expected_bytes" in job else None
    # The time a request waits for its turn counts in aiohttp's total: limit the waiting for the server
    # instead, as the other arms do.
    seconds = int(job["timeout_ns"]) / 1e9
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds)
    connector = aiohttp.TCPConnector(limit=int(job["limit"]))
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        tasks = [fetch(session, urls[i % len(urls)], expected, counter) for i in range(int(job["n"]))]
        await asyncio.gather(*tasks)


def main():
    job = read_job()
    counter = Counter()
    cpu_before = cpu_seconds()
    started = time.perf_counter()
    asyncio.run(fetch_all(job, counter))
    seconds = time.perf_counter() - started
    cpu = cpu_seconds() - cpu_before
    lines = [
        f"seconds {seconds:.9f}",
        f"cpu {cpu:.9f}",
        f"memory {status_number('VmHWM') * 1024}",
        f"threads {status_number('Threads')}",
        "processes 1",
        f"completed {counter.done}",
        f"failures {counter.failures}",
    ]
    if counter.first_error:
        lines.append(f"error {counter.first_error}")
    report("\n".join(lines) + "\nend\n")


if len(sys.argv) > 1 and sys.argv[1] == "versions":
    report(f"{sys.version.split()[0]} {aiohttp.__version__}\n")
else:
    main()
