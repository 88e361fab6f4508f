"""aiohttp.web as a user writes it: `http_server.py LOOP PORT` answers GET / and GET /page."""

import asyncio
import sys

from aiohttp import web

PAGE = "x" * 13_000


async def hello(request):
    return web.Response(text="Hello, World!")


async def page(request):
    return web.Response(text=PAGE)


def main():
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.install()
    app = web.Application()
    app.add_routes([web.get("/", hello), web.get("/page", page)])
    loop = asyncio.new_event_loop()
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None, loop=loop
    )


if __name__ == "__main__":
    main()
