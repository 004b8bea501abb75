// nats.js as a team's reader has it: a consumer under a name of its own, with the filter that it may have.
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

const [servers, user, name, filter_subject, expected] = process.argv.slice(2);
const client = await connect({ servers, user, pass: process.env.NATS_PASSWORD });
const options = { apiPrefix: "KL.API" };
const jsm = await jetstreamManager(client, { ...options, checkAPI: false });
await jsm.consumers.add("KL_EVENTS_0", { name, filter_subject, ack_policy: "none" });
const consumer = await jetstream(client, options).consumers.get("KL_EVENTS_0", name);
let came = 0;
for await (const message of await consumer.consume()) {
  if (++came === Number(expected)) break;
}
console.log(JSON.stringify({ what: "named", came, pending: (await consumer.info()).num_pending }));
// An ordered consumer asks about the whole stream first.
const refused = await jetstream(client, options).consumers.get("KL_EVENTS_0", { filter_subjects: filter_subject }).catch((error) => error);
console.log(JSON.stringify({ what: "ordered", refused: refused instanceof Error }));
await client.close();
