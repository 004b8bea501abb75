-- How far the read models have come. Moved in the transaction of the batch that it covers, and only from where
-- the writer believes it to be: a second writer, or one that came back from the dead, changes nothing.
CREATE TABLE checkpoints (
    projection text PRIMARY KEY,
    -- The log, and the event at the place: what proves that the log is still the same one.
    log uuid NOT NULL,
    sequence bigint NOT NULL,
    event uuid,
    -- When the log stored that event.
    stored_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Events that can't be read by this version, each with what follows of its aggregate. Other aggregates go on.
CREATE TABLE parked_events (
    sequence bigint PRIMARY KEY,
    subject text COLLATE "C" NOT NULL,
    event uuid NOT NULL,
    kind text NOT NULL,
    schema_version bigint NOT NULL,
    stored_at timestamptz NOT NULL,
    reason text NOT NULL
);

-- Each batch asks whether one of its aggregates is parked.
CREATE INDEX parked_events_subject ON parked_events (subject);
