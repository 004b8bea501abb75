-- Identity providers at which people sign in. Credentials lie in the vault; their ids stand here.
CREATE TABLE issuers (
    id uuid PRIMARY KEY,
    -- An organization's id, or _ for the installation itself.
    owner text COLLATE "C" NOT NULL,
    slug text COLLATE "C" NOT NULL,
    -- Clear text; NULL: forgotten.
    name text,
    -- As the events have them.
    settings jsonb NOT NULL,
    state text NOT NULL,
    credential uuid,
    credential_kind text,
    -- When the credential was set.
    credential_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);

-- An owner's list.
CREATE UNIQUE INDEX issuers_of_owner ON issuers (owner, created);
