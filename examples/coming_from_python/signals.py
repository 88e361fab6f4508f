import asyncio
import os
import signal


# [signals]
async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    print("serving")
    loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)
    await stop.wait()
    print("stopping")
    loop.remove_signal_handler(signal.SIGTERM)
    loop.remove_signal_handler(signal.SIGINT)
# [/signals]


asyncio.run(main())
