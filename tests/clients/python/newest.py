"""The official Python SDK at the newest pinned version, unmodified: protocol 2026-07-28 and 2025-11-25."""

import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import report


async def once(url, chosen, key):
    connected = False
    try:
        async with httpx2.AsyncClient(
            headers=report.credential(chosen, key),
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


async def main():
    url, chosen = report.plan()
    for key in report.keys():
        report.tell("begin")
        await once(url, chosen, key)


asyncio.run(main())
