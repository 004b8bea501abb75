"""FastMCP's client with its own OAuth, unmodified: it registers, opens a browser and waits at a port of its own.

Run as `SCRIPT URL PLAN`; PLAN as in `signing_in.py`, of which it takes `person`, `document`, `scope`, `client` and `refresh`.
"""

import asyncio
import os
import time

import browsing
import report

url, chosen = report.plan()
os.environ.update(browsing.environment(chosen.get("person", "ada")))
# Read when `webbrowser` is imported. With & at the end it is not waited for, as a browser is not.
os.environ["BROWSER"] = f"{os.environ.get('KEYLEDGER_NODE', 'node')} {browsing.BROWSE} %s &"

from fastmcp import Client  # noqa: E402
from fastmcp.client.auth import OAuth  # noqa: E402


class Told(OAuth):
    """What it opens and stores is told, and then done."""

    async def redirect_handler(self, authorization_url):
        report.tell("opened", url=authorization_url)
        await super().redirect_handler(authorization_url)

    def tells_tokens(self):
        stored = self.context.storage.set_tokens

        async def set_tokens(tokens):
            refresh = tokens.refresh_token is not None
            report.tell("tokens", scope=tokens.scope, expires_in=tokens.expires_in, refresh=refresh)
            await stored(tokens)

        self.context.storage.set_tokens = set_tokens
        return self


async def main():
    given = chosen.get("client") or {}
    auth = Told(
        mcp_url=url,
        scopes=chosen.get("scope"),
        client_metadata_url=chosen.get("document"),
        client_id=given.get("id"),
        client_secret=given.get("secret"),
        callback_timeout=60,
    ).tells_tokens()
    connected = False
    try:
        async with Client(url, auth=auth, timeout=60) as client:
            connected = True
            report.tell("connected", protocol=None)
            tools = await client.list_tools()
            report.tell("tools", names=[tool.name for tool in tools])
            for call in chosen["calls"]:
                if chosen.get("refresh"):
                    auth.context.token_expiry_time = time.time() - 1
                result = await client.call_tool(call["tool"], call.get("arguments", {}), raise_on_error=False)
                text = "".join(getattr(part, "text", "") for part in result.content)
                report.tell("result", tool=call["tool"], is_error=result.is_error, text=text)
    except Exception as error:
        report.refused("call" if connected else "connect", error)


asyncio.run(main())
