CREATE TABLE organizations (
    id uuid PRIMARY KEY,
    slug text COLLATE "C" NOT NULL,
    -- Clear text; NULL: forgotten.
    name text,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Sequences of the event that created it and of the newest that changed it.
    created bigint NOT NULL,
    changed bigint NOT NULL
);

-- The list's order and cursor.
CREATE UNIQUE INDEX organizations_created ON organizations (created);
