-- How a server's upstream is called, where it says so itself; NULL: as the configuration has it.
ALTER TABLE servers
    ADD COLUMN credentials text,
    ADD COLUMN ca text,
    ADD COLUMN response_timeout_ms bigint,
    ADD COLUMN idle_timeout_ms bigint;
