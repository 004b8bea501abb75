"""Which keys work now, kept in SQLite: needs nats-py alone. It may be stopped and started at any time.
    NATS_URL=… NATS_USER=auditor NATS_PASSWORD=… python view.py keys.db
"""

import asyncio
import json
import os
import sqlite3
import sys

import nats
from nats.js.api import ConsumerConfig

STREAM = "KL_EVENTS_0"
TABLES = """
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, log TEXT, sequence INTEGER, event TEXT);
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, organization TEXT, scopes TEXT, expires_at TEXT, state TEXT DEFAULT '');
"""
MEMBERS = {"key.issued": ["scopes", "expires_at"], "key.scopes_changed": ["scopes"], "key.expiry_changed": ["expires_at"]}
STATES = {"key.issued": "active", "key.disabled": "disabled", "key.enabled": "active", "key.revoked": "revoked"}


def apply(view, event):
    if event.get("aggregatetype") != "key":
        return
    key, kind = str(event.get("aggregateid")), str(event.get("type"))
    view.execute("INSERT OR IGNORE INTO keys (id, organization) VALUES (?, ?)", (key, str(event.get("organization"))))
    changes = {member: event["data"].get(member) for member in MEMBERS.get(kind, [])}
    changes |= {"state": STATES[kind]} if kind in STATES else {}
    if event.get("schemaversion") != 1 or kind not in {*MEMBERS, *STATES, "key.renamed", "key.metadata_changed"}:
        changes = {"state": "unknown"}  # This program does not know it: nothing is sure of this key any more.
    for member, value in changes.items():
        value = value if value is None or isinstance(value, str) else json.dumps(value)
        view.execute(f"UPDATE keys SET {member} = ? WHERE id = ? AND state NOT IN ('revoked', 'unknown')", (value, key))


def event_of(message):
    try:
        event = json.loads(message.data)
        return event if isinstance(event["id"], str) and isinstance(event["data"], dict) else {}
    except (ValueError, TypeError, KeyError):
        return {}  # No event: somebody attacks the log. Tell your operator.


async def id_at(js, sequence):
    try:
        return event_of(await js.get_msg(STREAM, sequence)).get("id")
    except nats.js.errors.NotFoundError:
        return "none"


async def check_place(js, view):
    """The sequence that the view has come to. Another log, or one that has lost its end: the view begins anew."""
    log, sequence, event = view.execute("SELECT log, sequence, event FROM place").fetchone() or ("", 0, "")
    if sequence and (await id_at(js, 1), await id_at(js, sequence)) != (log, event):
        print("another log: the view begins anew", flush=True)
        view.executescript("BEGIN; DELETE FROM keys; DELETE FROM place; COMMIT")
        return 0
    return sequence


async def follow(js, view):
    sequence, log = await check_place(js, view), await id_at(js, 1)
    config = ConsumerConfig(ack_policy="none", deliver_policy="by_start_sequence", opt_start_seq=sequence + 1)
    messages = await js.pull_subscribe("", stream=STREAM, config=config)
    while True:
        try:
            batch = await messages.fetch(500, timeout=2)
        except nats.errors.TimeoutError:
            if await check_place(js, view) == sequence:
                continue
            return
        with view:  # What is derived and the place, in one transaction.
            for message in batch:
                if message.metadata.sequence.stream != sequence + 1:
                    raise ConnectionError("messages are missing")
                event, sequence = event_of(message), sequence + 1
                apply(view, event)
            view.execute("INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?)", (log, sequence, event.get("id")))
        print(sequence, view.execute("SELECT count(*) FROM keys").fetchone()[0], flush=True)
        if not message.data:
            return  # After an empty message a consumer gives nothing more.


async def main():
    view = sqlite3.connect(sys.argv[1])
    view.executescript(TABLES)
    url, user, password = (os.environ[f"NATS_{name}"] for name in ("URL", "USER", "PASSWORD"))
    inbox = f"_INBOX_{user.removeprefix('keyledger-')}"
    client = await nats.connect(url, user=user, password=password, inbox_prefix=inbox, max_reconnect_attempts=-1)
    while True:
        try:
            await follow(client.jetstream(prefix="KL.API"), view)
        except (nats.errors.Error, ConnectionError, asyncio.TimeoutError) as error:
            print(f"again, after: {error!r}", file=sys.stderr)
            await asyncio.sleep(0.5)


asyncio.run(main())
