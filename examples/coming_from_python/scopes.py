import asyncio


async def work(name, delay):
    await asyncio.sleep(delay)
    return name


async def fail(error):
    raise error


async def main():
    # [timeout]
    try:
        async with asyncio.timeout(0.001) as deadline:
            await asyncio.sleep(1)
    except TimeoutError:
        print("expired" if deadline.expired() else "from elsewhere")
    # [/timeout]

    # [group]
    async with asyncio.TaskGroup() as tg:
        a = tg.create_task(work("a", 0.002))
        b = tg.create_task(work("b", 0.001))
    print(a.result(), b.result())
    # [/group]

    # [except_star]
    try:
        async with asyncio.TaskGroup() as tg:
            tg.create_task(work("cancelled with the group", 1))
            tg.create_task(fail(ValueError("bad input")))
            tg.create_task(fail(RuntimeError("bad luck")))
    except* ValueError as group:
        print("values:", group)
    except* RuntimeError as group:
        print("others:", group)
    # [/except_star]


asyncio.run(main())
