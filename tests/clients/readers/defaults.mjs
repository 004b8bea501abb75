// nats.js with its defaults: consumers by name, ordered ones with and without a filter, and acknowledgements.
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const [servers, expected, filter] = process.argv.slice(2);
const client = await connect({ servers, user: "auditor", pass: process.env.NATS_PASSWORD, inboxPrefix: "_INBOX_auditor" });
const js = jetstream(client, { apiPrefix: "KL.API" });
const jsm = await jetstreamManager(client, { apiPrefix: "KL.API" });
await jsm.consumers.add("KL_EVENTS_0", { durable_name: "named", ack_policy: "explicit" });
for (const [what, consumer, count] of [
  ["ordered", await js.consumers.get("KL_EVENTS_0"), Number(expected)],
  ["filtered", await js.consumers.get("KL_EVENTS_0", { filter_subjects: [filter] }), 1],
  ["named", await js.consumers.get("KL_EVENTS_0", "named"), Number(expected)],
]) {
  let came = 0;
  for await (const message of await consumer.consume()) {
    if (what === "named") await message.ackAck();
    if (++came === count) break;
  }
  console.log(JSON.stringify({ what, came, pending: (await consumer.info()).num_ack_pending }));
}
await client.close();
