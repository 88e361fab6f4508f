"""Pools: what it costs to have work done elsewhere. bench/pools/pools.cpp is ours.

Prints: row, unit, value, with tabs between; with "joblib" as argument what joblib does alone.
"""

import concurrent.futures
import resource
import statistics
import sys
import time

WORKERS = 2
JOBS = range(1000)
MAPS = 10


def small_job(number):
    return number + 1


def cpu_ms():
    """Of this process and of those that it has reaped."""
    usages = [resource.getrusage(whose)
              for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) * 1e3


def show(row, unit, value):
    print(f"{row}\t{unit}\t{value:.4g}")


def measure_maps(row, make):
    """make() gives what maps all jobs, and what ends the pool."""
    cpu_before = cpu_ms()
    run, end = make()
    walls = []
    assert sum(run()) == 500500
    for _ in range(MAPS):
        begin = time.perf_counter()
        assert sum(run()) == 500500
        walls.append((time.perf_counter() - begin) * 1e3)
    end()
    show(row, "ms wall", statistics.median(walls))
    show(f"{row}, CPU", "ms CPU", (cpu_ms() - cpu_before) / (MAPS + 1))


def make_process_map(chunksize):
    def make():
        pool = concurrent.futures.ProcessPoolExecutor(WORKERS)
        return lambda: pool.map(small_job, JOBS, chunksize=chunksize), pool.shutdown
    return make


def measure_start():
    begin = time.perf_counter()
    for _ in range(MAPS):
        with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
            pool.submit(small_job, 1).result()
    show("process pool: made, one call, shut down", "ms wall",
         (time.perf_counter() - begin) * 1e3 / MAPS)


def make_large(size):
    return b"x" * size


def measure_large():
    size = 64 << 20
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        pool.submit(make_large, 1).result()
        begin = time.perf_counter()
        text = pool.submit(make_large, size).result()
        show("process pool: a result of 64 MB", "ms wall", (time.perf_counter() - begin) * 1e3)
        begin = time.perf_counter()
        assert pool.submit(len, text).result() == size
        show("process pool: an argument of 64 MB", "ms wall", (time.perf_counter() - begin) * 1e3)


def measure_threads():
    calls = 5000
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(small_job, 1).result()
        cpu_before = cpu_ms()
        begin = time.perf_counter()
        for i in range(calls):
            pool.submit(small_job, i).result()
        show("thread pool: submit + result", "us wall",
             (time.perf_counter() - begin) * 1e6 / calls)
        show("thread pool: submit + result, CPU", "us CPU", (cpu_ms() - cpu_before) * 1e3 / calls)
        begin = time.perf_counter()
        assert sum(pool.map(small_job, JOBS)) == 500500
        show("thread pool: map of 1,000", "ms wall", (time.perf_counter() - begin) * 1e3)


def measure_joblib():
    import joblib
    from joblib.externals.loky import get_reusable_executor

    def make():
        parallel = joblib.Parallel(n_jobs=WORKERS)
        jobs = [joblib.delayed(small_job)(number) for number in JOBS]
        return lambda: parallel(jobs), lambda: get_reusable_executor().shutdown(wait=True)
    measure_maps("Parallel of 1,000", make)


if __name__ == "__main__":
    if sys.argv[1:] == ["joblib"]:
        measure_joblib()
    else:
        measure_maps("process pool: map of 1,000, chunks of 1", make_process_map(1))
        measure_maps("process pool: map of 1,000, chunks of 50", make_process_map(50))
        measure_start()
        measure_large()
        measure_threads()
