import asyncio
import contextlib


# [generator]
async def ticker(count):
    for tick in range(count):
        await asyncio.sleep(0.001)
        yield tick


async def count():
    async for tick in ticker(2):
        print(tick)

    async with contextlib.aclosing(ticker(1000)) as ticks:
        async for tick in ticks:
            if tick == 1:
                break
    print("closed")


# [/generator]
# [manager]
class Connection:
    async def __aenter__(self):
        await asyncio.sleep(0.001)
        print("open")
        return self

    async def __aexit__(self, kind, error, traceback):
        await asyncio.sleep(0.001)
        print("closed after an error" if error else "closed")


async def use():
    async with Connection():
        print("in use")

    async with Connection():
        print("in use until the end of the function")


# [/manager]
async def main():
    await count()
    await use()


asyncio.run(main())
