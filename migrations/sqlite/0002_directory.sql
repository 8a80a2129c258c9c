-- The built-in directory: who owns an address, and what lets them in. A record of its own, never derived
-- from the log.

CREATE TABLE accounts (
    id                 TEXT   NOT NULL PRIMARY KEY,
    -- As it was given; mail goes here.
    address            TEXT   NOT NULL,
    -- ASCII letters in lower case, the domain in IDNA form: one account per mailbox.
    normalised_address TEXT   NOT NULL,
    name               TEXT,
    role               TEXT   NOT NULL,
    -- Argon2id in the PHC string format.
    password_hash      TEXT   NOT NULL,
    -- Moves with every change of what lets the owner in; links and sessions of older versions are dead.
    credential_version BIGINT NOT NULL,
    -- The reset that wrote the password last, and its attempt. They stand in this row, and not only in
    -- `applied_resets`, because the one UPDATE that decides a race can trust nothing but the row it locks.
    reset_request      TEXT,
    reset_attempt      BIGINT,
    disabled           BIGINT NOT NULL,
    verified_at        BIGINT,
    created_at         BIGINT NOT NULL
);

CREATE UNIQUE INDEX accounts_normalised_address ON accounts (normalised_address);

-- Which resets changed a password: remembered after later changes, so that a completion whose process died
-- can always be settled.
CREATE TABLE applied_resets (
    request_id TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- The highest attempt that was written.
    attempt    BIGINT NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE INDEX applied_resets_account ON applied_resets (account_id);
