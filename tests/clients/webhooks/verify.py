"""Verifies what a webhook was sent, as docs/events/webhooks.md says. Standard input: secret, headers, body."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
try:
    event = Webhook(given["secret"]).verify(given["body"], given["headers"])
except WebhookVerificationError as error:
    print(json.dumps({"refused": str(error)}))
else:
    print(json.dumps({"type": event["type"], "id": event["id"]}))
