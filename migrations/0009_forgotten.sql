-- Organizations that a projection has met as forgotten: what people wrote of theirs is not stored again, whatever
-- still follows in the log.
CREATE TABLE forgotten (
    projection text COLLATE "C" NOT NULL,
    organization uuid NOT NULL,
    -- Of the event that forgot it.
    sequence bigint NOT NULL,
    PRIMARY KEY (projection, organization)
);
