import asyncio


# [loop]
async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(print, "soon")
    loop.call_later(0.001, print, "later")
    never = loop.call_later(0.002, print, "never")
    never.cancel()

    answer = loop.create_future()
    loop.call_later(0.003, answer.set_result, 42)
    print(await answer)
    # [/loop]

    # [handler]
    def report(loop, context):
        print("handler:", context["exception"])

    def broken():
        raise ValueError("nobody awaits me")

    loop.set_exception_handler(report)
    loop.call_soon(broken)
    await asyncio.sleep(0)
    # [/handler]


asyncio.run(main())


# [older]
async def greet():
    await asyncio.sleep(0.001)
    return "hello"


loop = asyncio.new_event_loop()
print(loop.run_until_complete(greet()))
loop.close()
# [/older]
