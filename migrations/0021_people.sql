-- People: who signs in. Their subjects at identity providers stand nowhere; an identity is a digest.
CREATE TABLE people (
    id uuid PRIMARY KEY,
    state text NOT NULL,
    -- Clear text; NULL: not known, or forgotten.
    email text,
    email_verified boolean NOT NULL,
    name text,
    picture text,
    -- [{"issuer": …, "digest": …}]
    identities jsonb NOT NULL,
    signed_out_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created bigint NOT NULL,
    changed bigint NOT NULL,
    newest uuid NOT NULL
);
CREATE UNIQUE INDEX people_by_creation ON people (created);

-- Whether the id is a person's.
ALTER TABLE forgotten ADD COLUMN person boolean NOT NULL DEFAULT false;
