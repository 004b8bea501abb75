// Which keys work now, kept in SQLite. It may be stopped and started at any time.
//
//     NATS_URL=… NATS_USER=auditor NATS_PASSWORD=… node view.js keys.db
import { isKnown, type Event } from "@keyledger/events";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import sqlite from "node-sqlite3-wasm";

const STREAM = "KL_EVENTS_0";
const { NATS_URL, NATS_USER = "", NATS_PASSWORD } = process.env;
const view = new sqlite.Database(process.argv[2]);
view.exec(`
  CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, log TEXT, sequence INTEGER, event TEXT);
  CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, organization TEXT, scopes TEXT, expires_at TEXT, state TEXT DEFAULT '');
`);

const STATES = new Map([["key.issued", "active"], ["key.disabled", "disabled"], ["key.enabled", "active"], ["key.revoked", "revoked"]]);

function apply(event: Event): void {
  const key = String(event.aggregateid);
  if (event.aggregatetype !== "key") return;
  view.run("INSERT OR IGNORE INTO keys (id, organization) VALUES (?, ?)", [key, String(event.organization)]);
  const set = (column: string, value: string | null) =>
    view.run(`UPDATE keys SET ${column} = ? WHERE id = ? AND state NOT IN ('revoked', 'unknown')`, [value, key]);
  // This program does not know it: nothing is sure of this key any more.
  if (!isKnown(event)) return void set("state", "unknown");
  const { type, data } = event;
  if (type === "key.issued" || type === "key.scopes_changed") set("scopes", JSON.stringify(data.scopes ?? null));
  if (type === "key.issued" || type === "key.expiry_changed") set("expires_at", data.expires_at ?? null);
  if (STATES.has(type)) set("state", STATES.get(type)!);
}

/** Nothing: it is no event, and somebody attacks the log. Tell your operator. */
function eventOf(message: { string(): string } | null): Event | undefined {
  try {
    const event = JSON.parse(message?.string() ?? "");
    return typeof event.id === "string" && event.data ? event : undefined;
  } catch {
    return undefined;
  }
}

async function idAt(jsm: JetStreamManager, seq: number): Promise<string | null> {
  return eventOf(await jsm.streams.getMessage(STREAM, { seq }))?.id ?? null;
}

/** The sequence that the view has come to. Another log, or one that has lost its end: the view begins anew. */
async function checkPlace(jsm: JetStreamManager): Promise<number> {
  const place = view.get("SELECT log, sequence, event FROM place");
  if (!place) return 0;
  const sequence = Number(place.sequence);
  if ((await idAt(jsm, 1)) === place.log && (await idAt(jsm, sequence)) === place.event) return sequence;
  console.log("another log: the view begins anew");
  view.exec("BEGIN; DELETE FROM keys; DELETE FROM place; COMMIT");
  return 0;
}

async function follow(js: JetStreamClient, jsm: JetStreamManager): Promise<void> {
  let [sequence, log] = [await checkPlace(jsm), await idAt(jsm, 1)];
  const { name } = await jsm.consumers.add(STREAM, {
    name: `view-${crypto.randomUUID()}`,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: sequence + 1,
    inactive_threshold: 60e9,
  });
  const consumer = await js.consumers.get(STREAM, name);
  for (;;) {
    let [before, cut] = [sequence, false];
    view.exec("BEGIN"); // What is derived and the place, in one transaction.
    try {
      for await (const message of await consumer.fetch({ max_messages: 500, expires: 2000 })) {
        if (message.seq !== sequence + 1) throw new Error("messages are missing");
        const event = eventOf(message);
        if (event) apply(event);
        sequence = message.seq;
        view.run("INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?)", [log, sequence, event?.id ?? null]);
        if ((cut = message.data.length === 0)) break; // A consumer gives nothing more after it.
      }
      view.exec("COMMIT");
    } catch (error) {
      view.exec("ROLLBACK");
      throw error;
    }
    if (sequence !== before) console.log(sequence, view.get("SELECT count(*) AS n FROM keys")!.n);
    if (cut || (sequence === before && (await checkPlace(jsm)) !== sequence)) return;
  }
}

const inboxPrefix = `_INBOX_${NATS_USER.replace(/^keyledger-/, "")}`;
const client = await connect({ servers: NATS_URL, user: NATS_USER, pass: NATS_PASSWORD, inboxPrefix, maxReconnectAttempts: -1 });
for (;;) {
  try {
    await follow(jetstream(client, { apiPrefix: "KL.API" }), await jetstreamManager(client, { apiPrefix: "KL.API", checkAPI: false }));
  } catch (error) {
    console.error("again, after:", error);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
