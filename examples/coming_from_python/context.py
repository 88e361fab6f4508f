import asyncio
import contextvars

# [contextvar]
request = contextvars.ContextVar("request", default="none")


async def log(text):
    await asyncio.sleep(0.001)
    print(f"{request.get()}: {text}")


async def handle(name):
    request.set(name)
    await log("handled")


async def handle_all():
    await asyncio.gather(handle("first"), handle("second"))
    await log("over")


# [/contextvar]
asyncio.run(handle_all())
