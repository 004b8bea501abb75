-- Where the events of an owner are sent to. The secrets that sign lie in the vault; their ids stand here.
CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    -- An organization's id, or _ for the installation itself.
    owner text COLLATE "C" NOT NULL,
    -- Clear text; NULL: forgotten.
    name text,
    url text,
    -- Such as key.issued, key.* or *.
    types text[] NOT NULL,
    state text NOT NULL,
    secret uuid NOT NULL,
    -- The secret before, and until when it signs as well.
    previous uuid,
    previous_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL
);

-- An owner's list.
CREATE UNIQUE INDEX webhooks_of_owner ON webhooks (owner, created);
