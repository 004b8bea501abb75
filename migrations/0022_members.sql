-- Members of organizations, and those who were removed.
CREATE TABLE members (
    id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    person uuid NOT NULL,
    role text NOT NULL,
    -- What of MCP servers clients may be granted for them.
    scopes text[] NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
CREATE UNIQUE INDEX members_of_organization ON members (organization, created);

-- Invitations to become one. Their secrets stand nowhere.
CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    -- Clear text; NULL: none, or forgotten.
    name text,
    email text,
    role text NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL,
    -- Who became a member by it.
    person uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
CREATE UNIQUE INDEX invitations_of_organization ON invitations (organization, created);
