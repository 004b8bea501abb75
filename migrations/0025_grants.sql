-- What people, and those who hold keys, let clients do on servers. No text that anybody wrote is in it.
CREATE TABLE consents (
    id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    -- Who gave it: one of both.
    person uuid,
    key uuid,
    client uuid NOT NULL,
    server uuid NOT NULL,
    -- What was consented to last.
    scopes text[] NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
CREATE UNIQUE INDEX consents_of_organization ON consents (organization, created);
CREATE INDEX consents_of_client ON consents (organization, client, created);
CREATE INDEX consents_of_person ON consents (organization, person, created);
CREATE INDEX consents_of_server ON consents (organization, server, created);

-- What clients hold of it, each until its time is over.
CREATE TABLE grants (
    id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    person uuid,
    key uuid,
    client uuid NOT NULL,
    server uuid NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Why it ended before, and when; NULL: it did not.
    cause text,
    ended_at timestamptz,
    created_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
CREATE UNIQUE INDEX grants_of_organization ON grants (organization, created);
CREATE INDEX grants_of_client ON grants (organization, client, created);
CREATE INDEX grants_of_person ON grants (organization, person, created);
CREATE INDEX grants_of_server ON grants (organization, server, created);
