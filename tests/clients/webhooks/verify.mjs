// Verifies what a webhook was sent, as docs/events/webhooks.md says. Standard input: secret, headers, body.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.KEYLEDGER_WEBHOOKS, "package.json"));
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const given = JSON.parse(readFileSync(0, "utf8"));
try {
  const event = new Webhook(given.secret).verify(given.body, given.headers);
  console.log(JSON.stringify({ type: event.type, id: event.id }));
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  console.log(JSON.stringify({ refused: error.message }));
}
