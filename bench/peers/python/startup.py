"""Hello world: what a process costs that does next to nothing. bench/startup is ours."""

import asyncio


async def main():
    print("hello")
    await asyncio.sleep(0)
    print("world")


asyncio.run(main())
