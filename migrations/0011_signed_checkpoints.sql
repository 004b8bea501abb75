-- The newest signed checkpoint of a log that a worker has seen: a copy outside NATS, which says what a log that was cut
-- short or replaced by an older copy once held. It comes from no event, and outlives every rebuild.
CREATE TABLE signed_checkpoints (
    log uuid PRIMARY KEY,
    size bigint NOT NULL,
    note text NOT NULL
);
