CREATE TABLE servers (
    id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    slug text COLLATE "C" NOT NULL,
    -- Clear text; NULL: forgotten.
    name text,
    upstream text NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL
);

-- An organization's list.
CREATE UNIQUE INDEX servers_of_organization ON servers (organization, created);
