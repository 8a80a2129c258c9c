-- Registrations that wait for their address to be verified, each with its own password: what a link activates
-- is the password of the registration that it was mailed for, and no other's.

CREATE TABLE registrations (
    -- The id of the verification that it leads to (`ver_…`).
    id                 TEXT   NOT NULL PRIMARY KEY,
    -- As it was given. The mail goes to the account's.
    address            TEXT   NOT NULL,
    normalised_address TEXT   NOT NULL,
    name               TEXT,
    -- Argon2id in the PHC string format.
    password_hash      TEXT   NOT NULL,
    created_at         BIGINT NOT NULL,
    -- When its link dies, and the row with it.
    expires_at         BIGINT NOT NULL
);

CREATE INDEX registrations_address ON registrations (normalised_address);
CREATE INDEX registrations_expiry ON registrations (expires_at);

-- Set for accounts that a registration made and nobody has verified yet: when their last link dies, and they
-- with it. Nobody can use such an account before.
ALTER TABLE accounts ADD COLUMN provisional_until BIGINT;

CREATE INDEX accounts_provisional ON accounts (provisional_until) WHERE provisional_until IS NOT NULL;
