import asyncio


# [protocols]
class Shout(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data.upper())

    def eof_received(self):
        self.transport.close()


class Client(asyncio.Protocol):
    def __init__(self, done):
        self.done = done

    def connection_made(self, transport):
        transport.write(b"hello")
        transport.write_eof()

    def data_received(self, data):
        print(data.decode())

    def connection_lost(self, error):
        self.done.set_result(error is None)


class Clock(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(b"noon", addr)


class Asker(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer = answer

    def datagram_received(self, data, addr):
        self.answer.set_result(data.decode())


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Shout, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    done = loop.create_future()
    await loop.create_connection(lambda: Client(done), "127.0.0.1", port)
    print("in order:", await done)
    server.close()

    clock, _ = await loop.create_datagram_endpoint(Clock, local_addr=("127.0.0.1", 0))
    port = clock.get_extra_info("sockname")[1]
    answer = loop.create_future()
    asker, _ = await loop.create_datagram_endpoint(
        lambda: Asker(answer), remote_addr=("127.0.0.1", port))
    asker.sendto(b"what time is it?")
    print("it is", await answer)
    asker.close()
    clock.close()
# [/protocols]


asyncio.run(main())
