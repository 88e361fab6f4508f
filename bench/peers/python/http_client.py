"""aiohttp's client as a user writes it: `http_client.py LOOP`, then the same arguments and the same
answers as bench/http/client.cpp."""

import asyncio
import resource
import sys
import time

import aiohttp


async def run_load(session, url, requests, in_flight):
    left = requests
    completed = failed = size = 0

    async def get_pages():
        nonlocal left, completed, failed, size
        while left > 0:
            left -= 1
            try:
                async with session.get(url) as response:
                    response.raise_for_status()
                    body = await response.read()
                completed += 1
                size += len(body)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                failed += 1
                if failed == 1:
                    print(repr(error), file=sys.stderr)

    await asyncio.gather(*[get_pages() for _ in range(in_flight)])
    return completed, failed, size


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main(url, requests, in_flight, warm_up, close):
    connector = aiohttp.TCPConnector(limit=0, force_close=close)
    async with aiohttp.ClientSession(connector=connector) as session:
        if warm_up > 0:
            await run_load(session, url, warm_up, in_flight)
        cpu, wall = cpu_seconds(), time.perf_counter()
        completed, failed, size = await run_load(session, url, requests, in_flight)
        cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    print(f"completed {completed}\nfailed {failed}\nbytes {size}\ncpu {cpu:.6f}\nwall {wall:.6f}")


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.install()
    asyncio.run(main(sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6:] == ["close"]))
