-- OAuth clients: those that operators and admins entered, that registered themselves, and that are known by a document.
CREATE TABLE clients (
    id uuid PRIMARY KEY,
    -- An organization's id, or _ for the installation itself.
    owner text COLLATE "C" NOT NULL,
    -- As the event has it.
    origin jsonb NOT NULL,
    -- What it calls itself, clear text; NULL: forgotten.
    name text,
    -- As the events have it.
    metadata jsonb NOT NULL,
    state text NOT NULL,
    -- Those that are not revoked, oldest first: ids and times. What they are stands nowhere.
    secrets jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
-- An owner's list.
CREATE UNIQUE INDEX clients_of_owner ON clients (owner, created);

-- Which clients organizations let their people use, and did.
CREATE TABLE approvals (
    id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    -- Perhaps none that anybody has used yet.
    client uuid NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
CREATE UNIQUE INDEX approvals_of_organization ON approvals (organization, created);

-- Whether its people may use approved clients alone.
ALTER TABLE organizations ADD COLUMN requires_approval boolean NOT NULL DEFAULT false;
