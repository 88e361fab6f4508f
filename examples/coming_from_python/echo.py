import asyncio


# [streams]
async def handle(reader, writer):
    async for line in reader:
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.writelines([b"hello\n", b"world\n"])
    await writer.drain()
    writer.write_eof()
    while line := await reader.readline():
        print(line.decode(), end="")

    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


# [/streams]
asyncio.run(main())
