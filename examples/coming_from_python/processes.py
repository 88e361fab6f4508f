import asyncio
import concurrent.futures


# [processes]
def square(n):
    return n * n


def fail():
    raise ValueError("no such thing")


async def main(pool):
    loop = asyncio.get_running_loop()
    print(await loop.run_in_executor(pool, square, 7))


if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(max_workers=2) as pool:
        print(pool.submit(square, 6).result())
        print(list(pool.map(square, range(5), chunksize=2)))
        try:
            pool.submit(fail).result()
        except ValueError as error:
            print("ValueError:", error)
        asyncio.run(main(pool))
# [/processes]
