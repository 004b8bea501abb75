"""What every Python client script shares: the plan it is given and the lines it tells.

A script is run as `SCRIPT URL PLAN`, the keys in KEYLEDGER_KEYS (never in the arguments, which
every process can read): a JSON list of keys, null for none. For each it connects anew and follows
the plan: starting Python for each would take most of the time. PLAN is JSON:

    {"mode": "auto", "header": "authorization", "list": true,
     "calls": [{"tool": "echo", "arguments": {"text": "hi"}, "progress": false}]}

It prints one JSON object a line:

    {"event": "begin"}
    {"event": "connected", "protocol": "2025-11-25"}
    {"event": "tools", "names": ["echo"]}
    {"event": "progress", "tool": "count", "at_ms": 12, "progress": 1.0}
    {"event": "result", "tool": "echo", "at_ms": 15, "is_error": false, "text": "hi"}
    {"event": "refused", "stage": "connect", "error": "McpError", "message": "..."}
    {"event": "http", "method": "POST", "status": 401, "www_authenticate": "Bearer ..."}

A refusal is a result like any other: the script ends with 0. Anything else is a failure.
"""

import json
import os
import sys
import time


def plan():
    url, text = sys.argv[1], sys.argv[2]
    chosen = {"mode": "auto", "header": "authorization", "list": True, "calls": []}
    chosen.update(json.loads(text))
    return url, chosen


def keys():
    return json.loads(os.environ.get("KEYLEDGER_KEYS", "[]"))


def credential(chosen, key):
    if key is None:
        return {}
    if chosen["header"] == "x-api-key":
        return {"X-API-Key": key}
    return {"Authorization": f"Bearer {key}"}


def tell(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


async def saw(response):
    """An event hook of the HTTP client: what came over the wire, whatever the SDK makes of it."""
    tell(
        "http",
        method=response.request.method,
        status=response.status_code,
        www_authenticate=response.headers.get("www-authenticate"),
    )


def innermost(error):
    """The error inside the groups that anyio's task groups wrap it in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def refused(stage, error):
    error = innermost(error)
    tell("refused", stage=stage, error=type(error).__name__, message=str(error))


class Stopwatch:
    def __init__(self):
        self.started = time.monotonic()

    def ms(self):
        return round((time.monotonic() - self.started) * 1000)


def text_of(result):
    return "".join(part.text for part in result.content if getattr(part, "type", "") == "text")


async def follow(chosen, list_tools, call_tool):
    """Lists and calls as the plan says; `stage` names where a refusal came."""
    stage = "list"
    try:
        if chosen["list"]:
            tell("tools", names=[tool.name for tool in (await list_tools()).tools])
        for call in chosen["calls"]:
            stage = "call"
            watch = Stopwatch()

            async def progress(done, total=None, message=None, tool=call["tool"], watch=watch):
                tell("progress", tool=tool, at_ms=watch.ms(), progress=done, message=message)

            result = await call_tool(
                call["tool"],
                call.get("arguments", {}),
                progress_callback=progress if call.get("progress") else None,
            )
            is_error = getattr(result, "is_error", getattr(result, "isError", False))
            tell("result", tool=call["tool"], at_ms=watch.ms(), is_error=bool(is_error), text=text_of(result))
    except Exception as error:
        refused(stage, error)
