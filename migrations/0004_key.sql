-- No digest here: who reads the database learns nothing to try keys against.
CREATE TABLE keys (
    id uuid PRIMARY KEY,
    -- An organization's id, or _ for the installation itself.
    owner text COLLATE "C" NOT NULL,
    secret_id uuid NOT NULL,
    key_owner jsonb NOT NULL,
    environment text NOT NULL,
    prefix text NOT NULL,
    last_four text NOT NULL,
    state text NOT NULL,
    not_before timestamptz,
    expires_at timestamptz,
    scopes text[] NOT NULL,
    issued_by text NOT NULL,
    -- Clear text; NULL: forgotten, or none.
    name text,
    metadata jsonb,
    reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    revoked_at timestamptz,
    created bigint NOT NULL,
    changed bigint NOT NULL
);

-- An owner's list.
CREATE UNIQUE INDEX keys_of_owner ON keys (owner, created);
