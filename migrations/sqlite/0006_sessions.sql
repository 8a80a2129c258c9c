-- Who is signed in, how often somebody failed to, and what the directory owes its owners word of. An account
-- whose `password_hash` is empty has no password: only a reset lets its owner in.

-- Tokens are kept as SHA-256: whoever reads the table can use none of them. A session is alive while its
-- credential version is the account's, so that the write which changes what lets the owner in ends it too.
CREATE TABLE sessions (
    id                 TEXT   NOT NULL PRIMARY KEY,
    token_hash         TEXT   NOT NULL,
    account_id         TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    credential_version BIGINT NOT NULL,
    -- Rough words such as "Firefox on Windows", from a closed set.
    browser            TEXT,
    created_at         BIGINT NOT NULL,
    -- Moved at most every few minutes.
    last_used_at       BIGINT NOT NULL
);

CREATE UNIQUE INDEX sessions_token_hash ON sessions (token_hash);
CREATE INDEX sessions_account ON sessions (account_id, created_at);
CREATE INDEX sessions_last_used ON sessions (last_used_at);

-- Failed log-ins per window, for an account, a client network, and the two together. Keys are keyed hashes:
-- unknown addresses are counted like known ones, and the rows tell about nobody.
CREATE TABLE failed_log_ins (
    counter      TEXT   NOT NULL,
    window_start BIGINT NOT NULL,
    failures     BIGINT NOT NULL,
    PRIMARY KEY (counter, window_start)
);

CREATE INDEX failed_log_ins_window ON failed_log_ins (window_start);

-- Client networks, as keyed hashes with the address, from which an owner got in before: strangers' failures
-- elsewhere do not keep the owner out from there.
CREATE TABLE known_clients (
    pair         TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    last_seen_at BIGINT NOT NULL
);

CREATE INDEX known_clients_account ON known_clients (account_id);
CREATE INDEX known_clients_last_seen ON known_clients (last_seen_at);

-- Changes of an account that its owner must be told of by mail, written by the very transaction that makes
-- the change. A row goes when the mail has been asked for. It outlives the account: whoever takes one over
-- must not silence the notice by deleting it.
CREATE TABLE account_changes (
    id           TEXT   NOT NULL PRIMARY KEY,
    account_id   TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    -- Where the notice goes: the address that the account had before the change.
    address      TEXT   NOT NULL,
    name         TEXT,
    locale       TEXT,
    -- Masked, for a change of address.
    new_address  TEXT,
    changed_at   BIGINT NOT NULL,
    -- When the notice became work; none yet if null.
    scheduled_at BIGINT
);

CREATE INDEX account_changes_unscheduled ON account_changes (changed_at) WHERE scheduled_at IS NULL;
