import asyncio


# [coroutine]
async def add(a, b):
    await asyncio.sleep(0.001)
    return a + b


async def main():
    coro = add(1, 2)  # nothing runs yet
    print(await coro)
    try:
        await coro
    except RuntimeError as error:
        print(error)


# [/coroutine]
# [run]
asyncio.run(main())

with asyncio.Runner() as runner:
    print(runner.run(add(3, 4)))
    print(runner.run(add(5, 6)))
# [/run]
