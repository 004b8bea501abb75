"""The official Python SDK at the newest pinned version, unmodified: protocol 2026-07-28 and 2025-11-25."""

import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import report


async def main():
    url, chosen = report.plan()
    connected = False
    try:
        async with httpx2.AsyncClient(
            headers=report.credential(chosen),
            timeout=httpx2.Timeout(20),
            event_hooks={"response": [report.saw]},
        ) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=chosen["mode"], cache=None, read_timeout_seconds=20) as client:
                connected = True
                report.tell("connected", protocol=client.protocol_version)
                await report.follow(chosen, client.list_tools, client.call_tool)
    except Exception as error:
        report.refused("close" if connected else "connect", error)


asyncio.run(main())
