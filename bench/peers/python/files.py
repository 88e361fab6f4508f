"""files.py ROW FOLDER COUNT: the files of bench/files/main.cpp, read by asyncio on its threads.

What aiofiles does: each file is opened, read and closed by calls in the executor. Prints the CPU
seconds, the wall seconds, the bytes.
"""

import asyncio
import resource
import sys
import time

BLOCK = 1024 * 1024
LINES = 100_000_000
AT_ONCE = 100


async def read_large(folder):
    loop = asyncio.get_running_loop()
    file = await loop.run_in_executor(None, open, f"{folder}/large", "rb", 0)
    block = bytearray(BLOCK)
    total = 0
    while count := await loop.run_in_executor(None, file.readinto, block):
        total += count
    await loop.run_in_executor(None, file.close)
    return total


async def read_lines(folder):
    """A call for each line would take minutes: as one, on one thread."""

    def read():
        total = 0
        with open(f"{folder}/large", "rb") as file:
            for line in file:
                total += len(line)
                if total >= LINES:
                    break
        return total

    return await asyncio.to_thread(read)


async def read_one(loop, path):
    file = await loop.run_in_executor(None, open, path, "rb")
    data = await loop.run_in_executor(None, file.read)
    await loop.run_in_executor(None, file.close)
    return len(data)


async def read_small(folder, count):
    loop = asyncio.get_running_loop()

    async def share(first):
        total = 0
        for number in range(first, count, AT_ONCE):
            total += await read_one(loop, f"{folder}/small.{number}")
        return total

    return sum(await asyncio.gather(*(share(first) for first in range(AT_ONCE))))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    row, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    work = {
        "large": lambda: read_large(folder),
        "lines": lambda: read_lines(folder),
        "small": lambda: read_small(folder, count),
    }[row]()
    cpu, begin = cpu_seconds(), time.perf_counter()
    total = asyncio.run(work)
    wall = time.perf_counter() - begin
    print(f"Python\t{row}\t{cpu_seconds() - cpu:.3f}\t{wall:.3f}\t{total}")


main()
