import asyncio
import socket


# [names]
async def main():
    loop = asyncio.get_running_loop()
    for *_, address in await loop.getaddrinfo(
        "localhost", 80, family=socket.AF_INET, type=socket.SOCK_STREAM
    ):
        print(address[0], address[1])

    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    host, service = await loop.getnameinfo(("127.0.0.1", 443), flags)
    print(host, service)

    try:
        await loop.getaddrinfo("not a host", 80)
    except socket.gaierror as e:
        print("no such host:", e.errno == socket.EAI_NONAME)
# [/names]


asyncio.run(main())
