-- The log. `position` is contiguous and equals commit order, so that a reader that remembers one number can
-- never skip an event. Only `append_events` assigns it.

CREATE TABLE events (
    position       BIGINT NOT NULL PRIMARY KEY,
    aggregate_type TEXT   NOT NULL,
    aggregate_id   TEXT   NOT NULL,
    sequence       BIGINT NOT NULL,
    event_type     TEXT   NOT NULL,
    event_version  TEXT   NOT NULL,
    -- `json`, not `jsonb`: nothing looks inside, and it is written at twice the speed.
    payload        JSON   NOT NULL,
    metadata       JSON   NOT NULL,
    -- Set on the first event of a command only: a command that comes again is found by it.
    command_id     TEXT,
    -- The key that the personal data in the payload are sealed under.
    data_key       TEXT,
    recorded_at    BIGINT NOT NULL,
    CONSTRAINT events_stream UNIQUE (aggregate_type, aggregate_id, sequence)
);

CREATE UNIQUE INDEX events_command ON events (command_id) WHERE command_id IS NOT NULL;

-- Finds the mail that a provider names by its own Message-ID.
CREATE INDEX events_provider_message
    ON events ((payload #>> '{data,provider_message_id}'))
    WHERE event_type = 'message.sent';

-- One key per request; deleting the row makes what was sealed under it unreadable for ever.
CREATE TABLE data_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- The stream key of the person that the data are about.
    subject    TEXT   NOT NULL,
    -- The key itself, wrapped by the key-encryption key.
    wrapped    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX data_keys_subject ON data_keys (subject);

-- The index key and the key-encryption key, each wrapped by a root key.
CREATE TABLE wrapped_keys (
    name        TEXT   NOT NULL PRIMARY KEY,
    -- Which root key opens it.
    fingerprint TEXT   NOT NULL,
    wrapped     BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL
);

-- What an outside event has already done: it takes effect once, however often it is told.
CREATE TABLE effect_keys (
    effect   TEXT   NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

-- How far each consumer of the log has come. The row's lock is the consumer's leadership.
CREATE TABLE checkpoints (
    consumer     TEXT   NOT NULL PRIMARY KEY,
    position     BIGINT NOT NULL,
    -- The least version of the consumer's code that may move it.
    code_version BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

-- Events that a consumer could not handle: visible, and replayable.
CREATE TABLE parked_events (
    consumer  TEXT   NOT NULL,
    position  BIGINT NOT NULL,
    error     TEXT   NOT NULL,
    parked_at BIGINT NOT NULL,
    PRIMARY KEY (consumer, position)
);

-- Requests per client address and hour, so that a restart forgives nobody. Keys are hashes.
CREATE TABLE client_requests (
    client       TEXT   NOT NULL,
    window_start BIGINT NOT NULL,
    requests     BIGINT NOT NULL,
    PRIMARY KEY (client, window_start)
);

-- Facts about the installation, such as the mail provider that it has used.
CREATE TABLE installation (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
