-- Each event names the one before it of its object (`previousid`), and one that follows another than it says is parked: a
-- row knows its newest event, and the history tells both.
ALTER TABLE organizations ADD COLUMN newest uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE servers ADD COLUMN newest uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE keys ADD COLUMN newest uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE webhooks ADD COLUMN newest uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
-- Null: it is its object's first.
ALTER TABLE history ADD COLUMN previous uuid;
