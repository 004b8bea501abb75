-- What happened to an organization, and to what it owns, is one list: its own events lie under the installation.
-- The feed reads it in the log's order, the list by time.
DROP INDEX history_of_owner;
CREATE INDEX history_about_by_time ON history
    ((CASE aggregate_type WHEN 'organization' THEN aggregate_id ELSE owner END), stored_at, sequence);
CREATE INDEX history_about ON history
    ((CASE aggregate_type WHEN 'organization' THEN aggregate_id ELSE owner END), sequence);
