-- Whether PostgreSQL has let go of the rows as they were before they were erased.
ALTER TABLE forgotten ADD COLUMN vacuumed boolean NOT NULL DEFAULT false;
