-- What webhooks are sent. None of it comes from an event, so no rebuild touches it: rebuilding history or webhooks sends
-- nothing a second time and loses nothing.

-- How far the events for a webhook are queued. It moves in the transaction that queues them, and only from where its
-- writer found it: what a killed worker was at is queued once.
CREATE TABLE webhook_cursors (
    webhook uuid PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    log uuid NOT NULL,
    sequence bigint NOT NULL,
    -- A replay that is under way: from where, and up to where.
    replay_after bigint,
    replay_until bigint,
    replay_lane bigint,
    -- Its last attempt failed: it is tried by one delivery at a time.
    failing boolean NOT NULL DEFAULT false,
    -- Its endpoint said 410: nothing is sent until it is resumed.
    stopped_at timestamptz,
    -- When a delivery was last taken up: endpoints are served in turns.
    served_at timestamptz
);

-- What is deleted when an organization is forgotten.
CREATE INDEX webhook_cursors_of_owner ON webhook_cursors (owner);

-- Lanes beside the first, which is that of events as they happen: replays, what is sent again, tests.
CREATE SEQUENCE webhook_lanes;

-- Deliveries that wait, and dead letters. No text of anybody's is here: the history has it until they are sent.
CREATE TABLE webhook_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook uuid NOT NULL,
    owner text COLLATE "C" NOT NULL,
    -- The event's id: the message's, at each attempt.
    message uuid NOT NULL,
    -- NULL: a test, of which no log tells.
    sequence bigint,
    kind text COLLATE "C" NOT NULL,
    -- Whose events stay in order, such as key:<id>.
    object text COLLATE "C" NOT NULL,
    lane bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT now(),
    next_at timestamptz NOT NULL DEFAULT now(),
    -- The first of its object in its lane: only such a one is sent.
    head boolean NOT NULL DEFAULT false,
    -- Who sends it at the moment, and until when that holds.
    claim uuid,
    claimed_until timestamptz,
    -- Given up.
    dead_at timestamptz,
    last_error text
);

CREATE UNIQUE INDEX webhook_queue_once ON webhook_queue (webhook, lane, sequence);
CREATE INDEX webhook_queue_order ON webhook_queue (webhook, lane, object, id) WHERE dead_at IS NULL;
CREATE INDEX webhook_queue_due ON webhook_queue (webhook, next_at, id) WHERE head AND dead_at IS NULL;
CREATE INDEX webhook_queue_claimed ON webhook_queue (webhook) WHERE claim IS NOT NULL;
CREATE INDEX webhook_queue_dead ON webhook_queue (webhook, id) WHERE dead_at IS NOT NULL;
CREATE INDEX webhook_queue_of_owner ON webhook_queue (owner);
CREATE INDEX webhook_queue_age ON webhook_queue (queued_at);

-- The delivery log: what was tried and what came of it. No answer and no URL is in it.
CREATE TABLE webhook_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook uuid NOT NULL,
    owner text COLLATE "C" NOT NULL,
    message uuid NOT NULL,
    sequence bigint,
    kind text COLLATE "C" NOT NULL,
    lane bigint NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    -- NULL: there was no answer.
    status integer,
    millis bigint NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    error text
);

CREATE INDEX webhook_attempts_of_webhook ON webhook_attempts (webhook, id);
CREATE INDEX webhook_attempts_of_owner ON webhook_attempts (owner);
CREATE INDEX webhook_attempts_age ON webhook_attempts (at);
