import asyncio
import pathlib
import ssl

PEM = str(pathlib.Path(__file__).with_name("localhost.pem"))


# [tls]
async def handle(reader, writer):
    writer.write(await reader.readline())
    writer.close()


async def main():
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(PEM)
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]

    theirs = ssl.create_default_context()  # trusts what the system trusts
    theirs.load_verify_locations(PEM)  # and this one
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=theirs, server_hostname="localhost"
    )
    print(writer.get_extra_info("ssl_object").version())
    writer.write(b"hello\n")
    print((await reader.read()).decode(), end="")
    writer.close()
    await writer.wait_closed()

    try:
        await asyncio.open_connection("127.0.0.1", port, ssl=theirs)
    except ssl.SSLCertVerificationError as error:
        print(error.verify_message)
    server.close()


# [/tls]
asyncio.run(main())
