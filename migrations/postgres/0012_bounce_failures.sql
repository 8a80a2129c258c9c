-- Failed and delayed deliveries, understood by the rules of the code that folds them; part of the projection
-- `deliveries`, which folds everything again from the first event. The message's row tells template and providers.

DELETE FROM delivery_facts;
DELETE FROM delivery_rollups;
DELETE FROM checkpoints WHERE consumer = 'deliveries';

CREATE TABLE bounce_failures (
    message_id TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    -- 1 for good, 0 for now.
    permanent  BIGINT NOT NULL,
    rule       TEXT   NOT NULL,
    category   TEXT   NOT NULL,
    -- What was said, masked; gone when the person is erased.
    normalized TEXT,
    PRIMARY KEY (message_id, at, permanent, rule)
);

CREATE INDEX bounce_failures_at ON bounce_failures (at);
