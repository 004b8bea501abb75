-- How far what leaves Keyledger has come: each drain and each export of the configuration, by its name. Moved only from where
-- its writer left it. It comes from no event: what was handed over is handed over, whatever is rebuilt.
CREATE TABLE places (
    -- drain or export
    kind text NOT NULL,
    name text NOT NULL,
    log uuid NOT NULL,
    -- The last message that was handed over; 0: none yet.
    sequence bigint NOT NULL,
    event uuid,
    -- When the log stored that message, and when it was handed over.
    stored_at timestamptz,
    moved_at timestamptz NOT NULL,
    -- An export's: the right edge of the log's tree at this place, and the last message of the file that is being written.
    tree jsonb,
    pending bigint,
    -- Why it stands still, and since when.
    problem text,
    problem_since timestamptz,
    PRIMARY KEY (kind, name)
);
