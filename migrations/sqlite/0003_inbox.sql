-- Received webhooks: stored first, understood later. The body is sealed under a key of its own that lies
-- wrapped beside it, so that forgetting a person's webhooks is clearing one column.

CREATE TABLE webhooks (
    id             TEXT   NOT NULL PRIMARY KEY,
    -- SHA-256 of the signed string: equal for every repetition, however it is split into its two fields.
    replay_key     TEXT   NOT NULL,
    -- SHA-256 of the canonical content, so that a repetition is told from a swapped body.
    content_digest TEXT   NOT NULL,
    provider       TEXT   NOT NULL,
    received_at    BIGINT NOT NULL,
    signed_at      BIGINT NOT NULL,
    -- pending, processed, unmatched, malformed, unknown, failed
    outcome        TEXT   NOT NULL,
    -- Why it was not processed.
    reason         TEXT,
    message_id     TEXT,
    -- The keyed hash of the recipient, where one was named.
    recipient_key  TEXT,
    attempts       BIGINT NOT NULL DEFAULT 0,
    due_at         BIGINT NOT NULL,
    body           BLOB   NOT NULL,
    wrapped_key    BLOB
);

CREATE UNIQUE INDEX webhooks_replay ON webhooks (replay_key);
CREATE INDEX webhooks_pending ON webhooks (due_at, id) WHERE outcome = 'pending';
CREATE INDEX webhooks_message ON webhooks (message_id) WHERE message_id IS NOT NULL;

-- A signature that came again with other content: refused, and kept for whoever looks into it.
CREATE TABLE contested_webhooks (
    id             TEXT   NOT NULL PRIMARY KEY,
    replay_key     TEXT   NOT NULL,
    content_digest TEXT   NOT NULL,
    received_at    BIGINT NOT NULL,
    body           BLOB   NOT NULL,
    wrapped_key    BLOB
);

-- One row per different content: a flood of copies stores nothing more.
CREATE UNIQUE INDEX contested_webhooks_content ON contested_webhooks (replay_key, content_digest);

-- Work that takes time: leased, repeated until done, parked where an operator sees it. Filled by reactors
-- together with their checkpoints; never rebuilt, so that a replay can never send mail.
CREATE TABLE work (
    -- `kind:subject`, so that a reactor that runs twice makes one row.
    id          TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    -- What it is about: JSON of ids, never of personal data.
    payload     TEXT   NOT NULL,
    due_at      BIGINT NOT NULL,
    -- Trying again after this is of no use.
    give_up_at  BIGINT,
    leased_until BIGINT NOT NULL DEFAULT 0,
    attempts    BIGINT NOT NULL DEFAULT 0,
    last_error  TEXT,
    parked_at   BIGINT,
    created_at  BIGINT NOT NULL
);

CREATE INDEX work_due ON work (kind, due_at) WHERE parked_at IS NULL;
