-- One row an event. The sequence is the primary key, so that an event that comes twice is stored once.
CREATE TABLE history (
    sequence bigint PRIMARY KEY,
    event uuid NOT NULL,
    kind text NOT NULL,
    schema_version bigint NOT NULL,
    -- By the clock of whoever wrote it; stored_at by the log's.
    time timestamptz NOT NULL,
    stored_at timestamptz NOT NULL,
    owner text COLLATE "C" NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    command uuid NOT NULL,
    causation uuid,
    -- What is never sealed, without digests.
    data jsonb NOT NULL,
    -- What people wrote, in clear text, by field. Apart, so that forgetting erases it and nothing else.
    texts jsonb NOT NULL
);

-- The history of one key, server or organization.
CREATE INDEX history_of_aggregate ON history (owner, aggregate_type, aggregate_id, sequence);
-- What happened in an organization, by time.
CREATE INDEX history_of_owner ON history (owner, stored_at, sequence);
-- What happened anywhere, by time.
CREATE INDEX history_by_time ON history (stored_at, sequence);
