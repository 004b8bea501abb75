-- One checkpoint for all becomes one for each projection, so that each can be rebuilt, and kept by a worker of its own.
INSERT INTO checkpoints (projection, log, sequence, event, stored_at, updated_at)
SELECT name, log, sequence, event, stored_at, updated_at
FROM checkpoints, unnest(ARRAY['organizations', 'servers', 'keys', 'history']) AS name
WHERE projection = 'read_models';

DELETE FROM checkpoints WHERE projection = 'read_models';

-- An event waits in each projection that it is a matter of: in the history always, in another by its subject's type
-- (kl.events.<shard>.<organization>.<type>.<id>).
ALTER TABLE parked_events ADD COLUMN projection text COLLATE "C" NOT NULL DEFAULT 'history';
ALTER TABLE parked_events ALTER COLUMN projection DROP DEFAULT;
ALTER TABLE parked_events DROP CONSTRAINT parked_events_pkey, ADD PRIMARY KEY (projection, sequence);
DROP INDEX parked_events_subject;
CREATE INDEX parked_events_subject ON parked_events (projection, subject);

INSERT INTO parked_events (projection, sequence, subject, event, kind, schema_version, stored_at, reason)
SELECT type || 's', sequence, subject, event, kind, schema_version, stored_at, reason
FROM parked_events, split_part(subject, '.', 5) AS type
WHERE type IN ('organization', 'server', 'key');
