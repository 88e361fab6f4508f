import asyncio
import os
import socket
import tempfile


# [sockets]
async def main():
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)

    arrived = loop.create_future()

    def on_readable():
        loop.remove_reader(ours)
        arrived.set_result(ours.recv(100))

    loop.add_reader(ours, on_readable)
    await loop.sock_sendall(theirs, b"ping")
    print((await arrived).decode())

    # A stream takes the socket over.
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    await loop.sock_sendall(theirs, b"a line\n")
    print((await reader.readline()).decode(), end="")
    writer.close()
    print(repr((await loop.sock_recv(theirs, 100)).decode()))
    theirs.close()


# [/sockets]


# [unix]
async def handle(reader, writer):
    writer.write((await reader.readline()).upper())
    writer.close()


async def at_a_path(path):
    server = await asyncio.start_unix_server(handle, path)
    async with server:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"hello\n")
        print((await reader.read()).decode(), end="")
        writer.close()


# [/unix]


asyncio.run(main())
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(at_a_path(os.path.join(folder, "socket")))
