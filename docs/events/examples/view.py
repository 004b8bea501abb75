"""Which keys work now, kept in SQLite: needs nats-py alone. It may be stopped and started at any time.

    NATS_URL=… NATS_USER=auditor NATS_PASSWORD=… python view.py keys.db
"""

import asyncio
import json
import os
import sqlite3
import sys

import nats
from nats.js import errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

STREAM = "KL_EVENTS_0"
TABLES = """
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, log TEXT, sequence INTEGER, event TEXT);
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, organization TEXT, scopes TEXT, expires_at TEXT, state TEXT);
"""
STATES = {"key.disabled": "disabled", "key.enabled": "active", "key.revoked": "revoked"}


def apply(view, event):
    key, kind, data = event["aggregateid"], event["type"], event["data"]
    if event["aggregatetype"] != "key":
        return
    view.execute("INSERT OR IGNORE INTO keys (id, organization) VALUES (?, ?)", (key, event["organization"]))
    if kind == "key.issued" and event["schemaversion"] == 1:
        values = (json.dumps(data["scopes"]), data.get("expires_at"), key)
        view.execute("UPDATE keys SET scopes = ?, expires_at = ?, state = 'active' WHERE id = ?", values)
    elif kind == "key.scopes_changed" and event["schemaversion"] == 1:
        view.execute("UPDATE keys SET scopes = ? WHERE id = ?", (json.dumps(data["scopes"]), key))
    elif kind == "key.expiry_changed" and event["schemaversion"] == 1:
        view.execute("UPDATE keys SET expires_at = ? WHERE id = ?", (data.get("expires_at"), key))
    elif kind in STATES:
        view.execute("UPDATE keys SET state = ? WHERE id = ? AND state IS NOT 'revoked'", (STATES[kind], key))
    elif kind not in ("key.renamed", "key.metadata_changed"):
        # A true event that this program does not know: nothing is sure of this key any more.
        view.execute("UPDATE keys SET state = 'unknown' WHERE id = ?", (key,))


async def event_at(js, sequence):
    try:
        return json.loads((await js.get_msg(STREAM, sequence)).data)
    except errors.NotFoundError:
        return {}


async def check_place(js, view):
    """The sequence that the view has come to. Another log, or one that has lost its end: the view begins anew."""
    log, sequence, event = view.execute("SELECT log, sequence, event FROM place").fetchone() or ("", 0, "")
    if sequence and ((await event_at(js, 1)).get("id"), (await event_at(js, sequence)).get("id")) != (log, event):
        print("another log: the view begins anew", flush=True)
        with view:
            view.execute("DELETE FROM keys")
            view.execute("DELETE FROM place")
        return 0
    return sequence


async def follow(js, view):
    sequence = await check_place(js, view)
    start = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": sequence + 1}
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, **start)
    messages = await js.pull_subscribe("", stream=STREAM, config=config)
    while True:
        try:
            batch = await messages.fetch(500, timeout=2)
        except nats.errors.TimeoutError:
            if await check_place(js, view) != sequence:
                return
            continue
        with view:  # What is derived and the place, in one transaction.
            for message in batch:
                if message.metadata.sequence.stream != sequence + 1:
                    raise ConnectionError("messages are missing")
                event, sequence = json.loads(message.data), sequence + 1
                apply(view, event)
            place = (event["source"].rpartition(":")[2], sequence, event["id"])
            view.execute("INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?)", place)
        print(sequence, view.execute("SELECT count(*) FROM keys").fetchone()[0], flush=True)


async def main():
    view = sqlite3.connect(sys.argv[1])
    view.executescript(TABLES)
    user = {"user": os.environ["NATS_USER"], "password": os.environ["NATS_PASSWORD"]}
    inbox = f"_INBOX_{os.environ['NATS_USER'].removeprefix('keyledger-')}"
    client = await nats.connect(os.environ["NATS_URL"], inbox_prefix=inbox, max_reconnect_attempts=-1, **user)
    while True:
        try:
            await follow(client.jetstream(prefix="KL.API"), view)
        except (nats.errors.Error, ConnectionError, asyncio.TimeoutError) as error:
            print(f"again, after: {error!r}", file=sys.stderr)
            await asyncio.sleep(0.5)


asyncio.run(main())
