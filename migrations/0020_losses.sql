-- The newest accepted loss (sequence of `installation.loss_accepted`) that a webhook's place is after; 0: none. One of after it has the
-- webhook go back to what was kept.
ALTER TABLE webhook_cursors ADD COLUMN loss bigint NOT NULL DEFAULT 0;
