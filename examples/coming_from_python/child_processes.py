import asyncio
from asyncio.subprocess import PIPE


# [subprocess]
async def main():
    upper = await asyncio.create_subprocess_exec(
        "tr", "a-z", "A-Z", stdin=PIPE, stdout=PIPE
    )
    output, errors = await upper.communicate(b"hello")
    print(output.decode(), upper.returncode)

    shell = await asyncio.create_subprocess_shell(
        "echo one; echo two; exit 3", stdout=PIPE
    )
    async for line in shell.stdout:
        print("line:", line.decode(), end="")
    print(await shell.wait())

    sleeper = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        await asyncio.wait_for(sleeper.wait(), 0.01)
    except TimeoutError:
        sleeper.kill()
    print(await sleeper.wait())
# [/subprocess]


asyncio.run(main())
