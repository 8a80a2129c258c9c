-- What people read, derived from the log; every table here can be emptied and folded again.

-- One row per message. `facts` holds what its events say; the other columns follow from it and serve queries.
CREATE TABLE delivery_facts (
    message_id           TEXT   NOT NULL PRIMARY KEY,
    facts                TEXT   NOT NULL,
    -- Null until the request is known; such a message counts nowhere.
    requested_at         BIGINT,
    request_id           TEXT,
    template             TEXT   NOT NULL,
    provider             TEXT   NOT NULL,
    mailbox_provider     TEXT   NOT NULL,
    recipient_domain     TEXT   NOT NULL,
    -- A keyed hash, and a mask for people to read; never the address.
    recipient_key        TEXT   NOT NULL,
    recipient            TEXT,
    status               TEXT   NOT NULL,
    bounce_category      TEXT,
    -- Bit n is the n-th flag of the counters.
    flags                BIGINT NOT NULL,
    opens_human          BIGINT NOT NULL,
    opens_machine        BIGINT NOT NULL,
    clicks_human         BIGINT NOT NULL,
    clicks_machine       BIGINT NOT NULL,
    sent_at              BIGINT,
    -- Milliseconds of three significant digits.
    time_to_accept       BIGINT,
    time_to_delivered    BIGINT,
    request_to_completed BIGINT
);

CREATE INDEX delivery_facts_requested ON delivery_facts (requested_at, message_id);
CREATE INDEX delivery_facts_recipient ON delivery_facts (recipient_key, requested_at);
CREATE INDEX delivery_facts_template ON delivery_facts (template, requested_at);
CREATE INDEX delivery_facts_mailbox ON delivery_facts (mailbox_provider, requested_at);
CREATE INDEX delivery_facts_status ON delivery_facts (status, requested_at);
CREATE INDEX delivery_facts_category ON delivery_facts (bounce_category, requested_at)
    WHERE bounce_category IS NOT NULL;
CREATE INDEX delivery_facts_reset ON delivery_facts (request_id) WHERE request_id IS NOT NULL;

-- The same, summed up per hour of the request and dimensions; moved by the difference that an event makes.
CREATE TABLE delivery_rollups (
    hour                      BIGINT NOT NULL,
    template                  TEXT   NOT NULL,
    provider                  TEXT   NOT NULL,
    mailbox_provider          TEXT   NOT NULL,
    recipient_domain          TEXT   NOT NULL,
    requested                 BIGINT NOT NULL DEFAULT 0,
    suppressed                BIGINT NOT NULL DEFAULT 0,
    rejected                  BIGINT NOT NULL DEFAULT 0,
    sent                      BIGINT NOT NULL DEFAULT 0,
    sent_inferred             BIGINT NOT NULL DEFAULT 0,
    delivered                 BIGINT NOT NULL DEFAULT 0,
    delivered_inferred        BIGINT NOT NULL DEFAULT 0,
    bounced                   BIGINT NOT NULL DEFAULT 0,
    bounced_hard              BIGINT NOT NULL DEFAULT 0,
    bounced_soft              BIGINT NOT NULL DEFAULT 0,
    bounced_block             BIGINT NOT NULL DEFAULT 0,
    bounced_undetermined      BIGINT NOT NULL DEFAULT 0,
    bounced_async             BIGINT NOT NULL DEFAULT 0,
    bounce_contradicted       BIGINT NOT NULL DEFAULT 0,
    in_flight                 BIGINT NOT NULL DEFAULT 0,
    settled                   BIGINT NOT NULL DEFAULT 0,
    not_handed_over           BIGINT NOT NULL DEFAULT 0,
    canceled                  BIGINT NOT NULL DEFAULT 0,
    deferred                  BIGINT NOT NULL DEFAULT 0,
    complained                BIGINT NOT NULL DEFAULT 0,
    unsubscribed              BIGINT NOT NULL DEFAULT 0,
    opened                    BIGINT NOT NULL DEFAULT 0,
    opened_raw                BIGINT NOT NULL DEFAULT 0,
    clicked                   BIGINT NOT NULL DEFAULT 0,
    completed                 BIGINT NOT NULL DEFAULT 0,
    unaccounted               BIGINT NOT NULL DEFAULT 0,
    open_tracked_delivered    BIGINT NOT NULL DEFAULT 0,
    open_tracked_opened       BIGINT NOT NULL DEFAULT 0,
    open_tracked_opened_raw   BIGINT NOT NULL DEFAULT 0,
    click_tracked_delivered   BIGINT NOT NULL DEFAULT 0,
    click_tracked_opened      BIGINT NOT NULL DEFAULT 0,
    click_tracked_clicked     BIGINT NOT NULL DEFAULT 0,
    clock_skewed              BIGINT NOT NULL DEFAULT 0,
    opens_human               BIGINT NOT NULL DEFAULT 0,
    opens_machine             BIGINT NOT NULL DEFAULT 0,
    clicks_human              BIGINT NOT NULL DEFAULT 0,
    clicks_machine            BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, template, provider, mailbox_provider, recipient_domain)
);

-- Spans between facts, as counts of rounded milliseconds: counts subtract.
CREATE TABLE delivery_histograms (
    hour             BIGINT NOT NULL,
    template         TEXT   NOT NULL,
    provider         TEXT   NOT NULL,
    mailbox_provider TEXT   NOT NULL,
    recipient_domain TEXT   NOT NULL,
    span             TEXT   NOT NULL,
    millis           BIGINT NOT NULL,
    messages         BIGINT NOT NULL,
    PRIMARY KEY (hour, template, provider, mailbox_provider, recipient_domain, span, millis)
);

-- One row per event, told for an operator.
CREATE TABLE timeline (
    position   BIGINT NOT NULL PRIMARY KEY,
    message_id TEXT,
    -- Set on events of a reset; those of its messages are found through `timeline_messages`.
    request_id TEXT,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    text       TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    meta       TEXT   NOT NULL,
    -- What the receiving server said, masked; gone when the person is erased.
    diagnostic TEXT
);

CREATE INDEX timeline_message ON timeline (message_id, at, position) WHERE message_id IS NOT NULL;
CREATE INDEX timeline_request ON timeline (request_id, at, position) WHERE request_id IS NOT NULL;

-- Which reset a message belongs to, and whom it is about.
CREATE TABLE timeline_messages (
    message_id    TEXT NOT NULL PRIMARY KEY,
    request_id    TEXT,
    recipient_key TEXT NOT NULL
);

CREATE INDEX timeline_messages_request ON timeline_messages (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX timeline_messages_recipient ON timeline_messages (recipient_key);

-- Where each request for a reset stands.
CREATE TABLE resets (
    request_id   TEXT   NOT NULL PRIMARY KEY,
    stream       TEXT   NOT NULL,
    recipient    TEXT,
    status       TEXT   NOT NULL,
    -- Why it was declined, or who revoked it.
    reason       TEXT,
    message_id   TEXT,
    requested_at BIGINT,
    expires_at   BIGINT,
    visited_at   BIGINT,
    completed_at BIGINT,
    updated_at   BIGINT NOT NULL
);

CREATE INDEX resets_requested ON resets (requested_at, request_id);
CREATE INDEX resets_status ON resets (status, requested_at);
CREATE INDEX resets_stream ON resets (stream, requested_at);
