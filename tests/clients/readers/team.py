"""nats-py as a team's reader has it: a consumer under a name of its own, with the filter that it may have."""

import asyncio
import json
import os
import sys

import nats


async def main(url, user, consumer, subject, expected):
    client = await nats.connect(url, user=user, password=os.environ["NATS_PASSWORD"])
    js = client.jetstream(prefix="KL.API")
    for what in ["first", "again"]:
        messages = await js.pull_subscribe(subject, durable=consumer, stream="KL_EVENTS_0")
        came = 0
        while what == "first" and came < expected:
            for message in await messages.fetch(100, timeout=10):
                await message.ack_sync()
                came += 1
        pending = (await messages.consumer_info()).num_pending
        print(json.dumps({"what": what, "came": came, "pending": pending}), flush=True)
    await client.close()


asyncio.run(main(*sys.argv[1:5], int(sys.argv[5])))
