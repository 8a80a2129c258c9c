-- Sending to lists: calls that came with an idempotency key, and the addresses that get no mail.

-- Kept for a day. What a repetition needs to be recognised and to get the same answer; no address.
CREATE TABLE idempotency_keys (
    -- Keyed hash of the caller and the key that it gave.
    id           TEXT   NOT NULL PRIMARY KEY,
    -- Keyed hash of the body.
    fingerprint  TEXT   NOT NULL,
    -- Whatever the call makes has ids that are derived from this one.
    sending      TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    -- Until then somebody works on it.
    leased_until BIGINT NOT NULL,
    -- Null while it is not answered.
    answer       TEXT
);

CREATE INDEX idempotency_keys_started ON idempotency_keys (started_at);

-- Derived from the log: one row per address and reason, as it stands.
CREATE TABLE suppressions (
    -- The keyed hash of the address.
    recipient_key TEXT   NOT NULL,
    -- hard_bounce, complaint, unsubscribe, manual
    reason        TEXT   NOT NULL,
    -- Masked; null when it was erased.
    recipient     TEXT,
    -- everything, or bulk: mail that a service sends to lists
    blocks        TEXT   NOT NULL,
    -- Why it bounced.
    category      TEXT,
    message_id    TEXT,
    added_by      TEXT   NOT NULL,
    since         BIGINT NOT NULL,
    lifted_at     BIGINT,
    lifted_by     TEXT,
    PRIMARY KEY (recipient_key, reason)
);

CREATE INDEX suppressions_since ON suppressions (since, recipient_key);
