"""echo.py asyncio|uvloop streams|protocol [READ_BYTES]: an echo server on one of Python's loops."""

import asyncio
import sys

BACKLOG = 4096
READ_BYTES = int(sys.argv[3]) if len(sys.argv) > 3 else 65536


async def echo(reader, writer):
    try:
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def main():
    if sys.argv[2] == "streams":
        server = await asyncio.start_server(
            echo, "127.0.0.1", 0, backlog=BACKLOG, limit=READ_BYTES
        )
    else:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=BACKLOG)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if sys.argv[1] == "uvloop":
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
