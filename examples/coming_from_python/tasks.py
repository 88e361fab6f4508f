import asyncio


async def work(name, delay):
    await asyncio.sleep(delay)
    return name


# [cleanup]
async def transfer():
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.sleep(0.001)
        print("rolled back")


# [/cleanup]
async def main():
    # [tasks]
    task = asyncio.create_task(work("a", 0.001), name="worker")
    task.add_done_callback(lambda t: print("failed" if t.exception() else "done"))
    print(task.get_name(), await task)
    # [/tasks]

    # [cancel]
    task = asyncio.create_task(transfer())
    await asyncio.sleep(0)  # it begins
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError as error:
        print("cancelled:", error)
    # [/cancel]

    # [gather]
    a, b = await asyncio.gather(work("a", 0.002), work("b", 0.001))
    print(a, b)
    three = await asyncio.gather(*[work(name, 0.001) for name in ("x", "y", "z")])
    print(three[0], three[2])
    results = await asyncio.gather(work("fine", 0.001), asyncio.wait_for(work("late", 1), 0.001),
                                   return_exceptions=True)
    for result in results:
        print("failed" if isinstance(result, Exception) else result)
    # [/gather]

    # [wait]
    tasks = [asyncio.create_task(work("slow", 0.1)), asyncio.create_task(work("quick", 0.001))]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), "done,", len(pending), "pending")
    # [/wait]

    # [as_completed]
    for finished in asyncio.as_completed(tasks):
        print(await finished)
    # [/as_completed]

    # [shield]
    saving = asyncio.create_task(work("saved", 0.002))
    try:
        await asyncio.wait_for(asyncio.shield(saving), 0.001)
    except TimeoutError:
        print("late, but", await saving)
    # [/shield]


asyncio.run(main())
