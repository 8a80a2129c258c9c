-- API keys of services and operators: who may make which calls. A record of its own, never derived from the
-- log. The secret itself is stored nowhere.

CREATE TABLE api_keys (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    -- SHA-256 of the secret's 32 random bytes, in hexadecimal. What is random needs no slow hash.
    secret_digest TEXT   NOT NULL,
    -- Names of scopes, separated by blanks.
    scopes        TEXT   NOT NULL,
    -- `cli`, `operator` for the admin key, else the id of a key or an account.
    created_by    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    revoked_at    BIGINT,
    -- Some minutes exact: a request must not cost a write.
    last_used_at  BIGINT
);
