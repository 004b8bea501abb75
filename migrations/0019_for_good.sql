-- What no version will ever take in: a feed passes it and says so, where it ends before what only waits.
ALTER TABLE parked_events ADD COLUMN for_good boolean NOT NULL DEFAULT false;
