"""FastMCP's client with its own OAuth, unmodified: it registers, opens a browser and waits at a port of its own.

Run as `SCRIPT URL PLAN`; PLAN as in `signing_in.py`, of which it takes `person`, `document`, `scope` and `client`.
"""

import asyncio
import os

import browsing
import report

url, chosen = report.plan()
os.environ.update(browsing.environment(chosen.get("person", "ada")))
# Read when `webbrowser` is imported. With & at the end it is not waited for, as a browser is not.
os.environ["BROWSER"] = f"{os.environ.get('KEYLEDGER_NODE', 'node')} {browsing.BROWSE} %s &"

from fastmcp import Client  # noqa: E402
from fastmcp.client.auth import OAuth  # noqa: E402


async def main():
    given = chosen.get("client") or {}
    auth = OAuth(
        mcp_url=url,
        scopes=chosen.get("scope"),
        client_metadata_url=chosen.get("document"),
        client_id=given.get("id"),
        client_secret=given.get("secret"),
        callback_timeout=60,
    )
    connected = False
    try:
        async with Client(url, auth=auth, timeout=60) as client:
            connected = True
            report.tell("connected", protocol=None)
            tools = await client.list_tools()
            report.tell("tools", names=[tool.name for tool in tools])
            for call in chosen["calls"]:
                result = await client.call_tool(call["tool"], call.get("arguments", {}), raise_on_error=False)
                text = "".join(getattr(part, "text", "") for part in result.content)
                report.tell("result", tool=call["tool"], is_error=result.is_error, text=text)
    except Exception as error:
        report.refused("call" if connected else "connect", error)


asyncio.run(main())
