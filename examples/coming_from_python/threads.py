import asyncio
import concurrent.futures
import time


# [to_thread]
def blocking(n):
    time.sleep(0.001)
    return n * 2


async def add(a, b):
    await asyncio.sleep(0.001)
    return a + b


async def main():
    print(await asyncio.to_thread(blocking, 21))

    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        both = await asyncio.gather(loop.run_in_executor(pool, blocking, 1),
                                    loop.run_in_executor(pool, blocking, 2))
        print(*both)
    # [/to_thread]

    # [threadsafe]
    def other_thread():
        future = asyncio.run_coroutine_threadsafe(add(1, 2), loop)
        return future.result(timeout=10)

    print(await asyncio.to_thread(other_thread))
    # [/threadsafe]


asyncio.run(main())
