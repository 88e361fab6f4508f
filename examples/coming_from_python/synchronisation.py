import asyncio


# [lock]
async def update(lock, name):
    async with lock:
        print(name, "in")
        await asyncio.sleep(0.001)
        print(name, "out")


# [/lock]
# [semaphore]
async def fetch(semaphore, n):
    async with semaphore:  # two at a time
        await asyncio.sleep(0.001)
        return n


# [/semaphore]
# [event]
async def wait_for_start(started):
    await started.wait()
    print("started")


# [/event]
# [condition]
async def take(condition, stock):
    async with condition:
        await condition.wait_for(lambda: stock)
        print("took", stock.pop())


# [/condition]
# [barrier]
async def run_lap(barrier):
    index = await barrier.wait()
    if index == 0:
        print("all are here")


# [/barrier]
# [queue]
async def consume(queue):
    while True:
        item = await queue.get()
        print("item", item)
        queue.task_done()


async def produce():
    queue = asyncio.Queue(maxsize=2)
    consumer = asyncio.create_task(consume(queue))
    for item in range(3):
        await queue.put(item)
    await queue.join()
    consumer.cancel()


# [/queue]
async def main():
    lock = asyncio.Lock()
    await asyncio.gather(update(lock, "a"), update(lock, "b"))

    semaphore = asyncio.Semaphore(2)
    print(await asyncio.gather(*[fetch(semaphore, n) for n in range(3)]))

    started = asyncio.Event()
    waiter = asyncio.create_task(wait_for_start(started))
    await asyncio.sleep(0)
    started.set()
    await waiter

    condition, stock = asyncio.Condition(), []
    taker = asyncio.create_task(take(condition, stock))
    await asyncio.sleep(0)
    async with condition:
        stock.append(7)
        condition.notify()
    await taker

    barrier = asyncio.Barrier(2)
    await asyncio.gather(run_lap(barrier), run_lap(barrier))

    await produce()


asyncio.run(main())
