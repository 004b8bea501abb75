"""nats-py with its defaults: reads and acknowledges everything, and says how many came and how many came again."""

import asyncio
import json
import os
import sys

import nats


async def main(url, expected):
    user = {"user": "auditor", "password": os.environ["NATS_PASSWORD"]}
    client = await nats.connect(url, inbox_prefix="_INBOX_auditor", **user)
    js = client.jetstream(prefix="KL.API")
    for what, arguments in [
        ("by subject", {}),
        ("durable", {"stream": "KL_EVENTS_0", "durable": "view"}),
        ("durable, again", {"stream": "KL_EVENTS_0", "durable": "view"}),
    ]:
        messages = await js.pull_subscribe("kl.events.>", **arguments)
        came = again = 0
        while came < expected and not what.endswith("again"):
            for message in await messages.fetch(100, timeout=10):
                again += message.metadata.num_delivered > 1
                await message.ack_sync()
                came += 1
        pending = (await messages.consumer_info()).num_pending
        print(json.dumps({"what": what, "came": came, "again": again, "pending": pending}), flush=True)
    await client.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
