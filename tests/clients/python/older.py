"""The official Python SDK at an older pinned version, unmodified: protocol 2025-06-18."""

import asyncio
from datetime import timedelta

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

import report


def http_client(headers=None, timeout=None, auth=None):
    """As the SDK makes its own, and telling what came over the wire."""
    return httpx.AsyncClient(
        headers=headers,
        timeout=timeout,
        auth=auth,
        follow_redirects=True,
        event_hooks={"response": [report.saw]},
    )


async def once(url, chosen, key):
    connected = False
    try:
        async with streamablehttp_client(
            url, headers=report.credential(chosen, key), timeout=20, httpx_client_factory=http_client
        ) as (read, write, _):
            async with ClientSession(read, write, read_timeout_seconds=timedelta(seconds=20)) as session:
                welcome = await session.initialize()
                connected = True
                report.tell("connected", protocol=welcome.protocolVersion)
                await report.follow(chosen, session.list_tools, session.call_tool)
    except Exception as error:
        report.refused("close" if connected else "connect", error)


async def main():
    url, chosen = report.plan()
    for key in report.keys():
        report.tell("begin")
        await once(url, chosen, key)


asyncio.run(main())
