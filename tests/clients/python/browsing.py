"""A person at a browser for the Python clients: `../oauth/browse.mjs`, and where it is sent back to."""

import asyncio
import os
import sys
from pathlib import Path

BROWSE = Path(__file__).parent.parent / "oauth" / "browse.mjs"
_running = set()


def environment(person):
    return {**os.environ, "KEYLEDGER_PERSON": person}


async def open_in_background(address, person):
    """As a browser does: whoever opens it goes on at once."""
    process = await asyncio.create_subprocess_exec(
        os.environ.get("KEYLEDGER_NODE", "node"), BROWSE, address, env=environment(person), stdout=sys.stderr
    )
    task = asyncio.ensure_future(process.wait())
    _running.add(task)
    task.add_done_callback(_running.discard)


class Callback:
    """An address on a free loopback port to be sent back to, once after the other."""

    def __init__(self, path):
        self._path, self._came = path, asyncio.Queue(maxsize=10)

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}{self._path}"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def path(self):
        """The path and query with which somebody came; waits for it, a bounded time."""
        return await asyncio.wait_for(self._came.get(), 60)

    async def _answer(self, reader, writer):
        target = (await reader.readline()).split()[1].decode()
        while (await reader.readline()).strip():
            pass
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<h1>Done</h1>")
        await writer.drain()
        writer.close()
        if target.startswith(self._path):
            await self._came.put(target)
