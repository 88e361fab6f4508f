import asyncio


async def say(text, delay):
    await asyncio.sleep(delay)
    print(text)


async def main():
    await asyncio.gather(say("world", 1), say("hello", 0.5))


asyncio.run(main())
