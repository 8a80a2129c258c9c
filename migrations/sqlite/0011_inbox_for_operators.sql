-- What operators need of the inbox: lists, newest first, and where a report came from.

-- webhook: the provider posted it. events_api: it was found there when we asked.
ALTER TABLE webhooks ADD COLUMN source TEXT NOT NULL DEFAULT 'webhook';

CREATE INDEX webhooks_received ON webhooks (received_at, id);
CREATE INDEX webhooks_outcome ON webhooks (outcome, received_at, id);
CREATE INDEX contested_webhooks_received ON contested_webhooks (received_at, id);

-- Set when somebody wants a parked event handled once more; whoever follows the log for the consumer does it.
ALTER TABLE parked_events ADD COLUMN replay_at BIGINT;
-- How often it has failed since.
ALTER TABLE parked_events ADD COLUMN replays BIGINT NOT NULL DEFAULT 0;

CREATE INDEX work_parked ON work (parked_at, id) WHERE parked_at IS NOT NULL;

-- Who was shown what is otherwise masked.
CREATE TABLE disclosures (
    id         TEXT   NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    -- operator, key_…, acc_…
    shown_to   TEXT   NOT NULL,
    -- message, webhook
    kind       TEXT   NOT NULL,
    -- Its id.
    subject    TEXT   NOT NULL
);

CREATE INDEX disclosures_at ON disclosures (at, id);
