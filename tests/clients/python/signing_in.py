"""The official Python SDK's own OAuth, unmodified: discovery, registration, sign-in, step-up and refresh.

Run as `SCRIPT URL PLAN`. With a key in KEYLEDGER_KEYS the client sends that and could sign in all the same: nothing that is
answered to a key should make it. Beside what `report.py` says, PLAN has:

    {"person": "ada", "document": "https://...", "scope": "...", "client": {"id": "...", "secret": "..."},
     "refresh": false}

`document` is a client's metadata document; without one and without `client`, the SDK registers dynamically. With `refresh`
the token is taken for expired before each call. More lines that it prints:

    {"event": "opened", "url": "..."}              an address that a browser was to open
    {"event": "registered", "client_id": "..."}
    {"event": "tokens", "scope": "...", "expires_in": 600, "refresh": true}
"""

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

import browsing
import report


class Memory:
    """Where the SDK keeps what it was given: here, and nowhere else."""

    def __init__(self, client):
        self.tokens, self.client = None, client

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens
        report.tell("tokens", scope=tokens.scope, expires_in=tokens.expires_in, refresh=tokens.refresh_token is not None)

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client
        report.tell("registered", client_id=client.client_id)


def provider(url, chosen, callback):
    metadata = OAuthClientMetadata(
        client_name="Keyledger's tests",
        redirect_uris=[callback.address],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
        scope=chosen.get("scope"),
    )
    given = chosen.get("client")
    said = metadata.model_dump(exclude_none=True)
    if given and given.get("secret"):
        said["token_endpoint_auth_method"] = "client_secret_basic"
    known = given and OAuthClientInformationFull(client_id=given["id"], client_secret=given.get("secret"), **said)

    async def opened(address):
        report.tell("opened", url=address)
        await browsing.open_in_background(address, chosen.get("person", "ada"))

    async def came_back():
        query = parse_qs(urlsplit(await callback.path()).query)
        if "error" in query:
            raise RuntimeError(f"sent back with {query}")
        one = {name: values[0] for name, values in query.items()}
        return AuthorizationCodeResult(code=one["code"], state=one.get("state"), iss=one.get("iss"))

    return OAuthClientProvider(
        server_url=url,
        client_metadata=metadata,
        storage=Memory(known or None),
        redirect_handler=opened,
        callback_handler=came_back,
        client_metadata_url=chosen.get("document"),
    )


async def main():
    url, chosen = report.plan()
    connected = False
    async with browsing.Callback(chosen.get("callback_path", "/callback")) as callback:
        auth = provider(url, chosen, callback)
        try:
            async with httpx2.AsyncClient(
                auth=auth,
                headers=report.credential(chosen, next(iter(report.keys()), None)),
                timeout=httpx2.Timeout(30),
                event_hooks={"response": [report.saw]},
            ) as http:
                transport = streamable_http_client(url, http_client=http)
                async with Client(transport, mode=chosen["mode"], cache=None, read_timeout_seconds=60) as client:
                    connected = True
                    report.tell("connected", protocol=client.protocol_version)

                    async def call(*given, **named):
                        if chosen.get("refresh"):
                            auth.context.token_expiry_time = time.time() - 1
                        return await client.call_tool(*given, **named)

                    await report.follow(chosen, client.list_tools, call)
        except Exception as error:
            report.refused("close" if connected else "connect", error)


asyncio.run(main())
