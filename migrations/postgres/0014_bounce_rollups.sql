-- Delivery, with the ways in which each message failed, and sums of these and of what was said beside the other sums: a
-- long range of failures costs what a short one does. The old tables held nothing that the log does not: the
-- projection folds it again from the first event.

DROP VIEW cohort_messages;
DROP VIEW cohort_hours;
DROP VIEW cohort_days;
DROP TABLE delivery_facts;
DROP TABLE delivery_rollups;
DROP TABLE bounce_failures;
DELETE FROM checkpoints WHERE consumer = 'deliveries';

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
    -- The step of the funnel that it did not reach, and why.
    lost_at              TEXT,
    loss                 TEXT,
    -- Bit n is the n-th flag of the counters.
    flags                BIGINT NOT NULL,
    -- Bit n: it failed for now in the n-th category; bit 32 + n: for good. A category keeps its bits for ever.
    failures             BIGINT NOT NULL,
    opens_human          BIGINT NOT NULL,
    opens_machine        BIGINT NOT NULL,
    clicks_human         BIGINT NOT NULL,
    clicks_machine       BIGINT NOT NULL,
    sent_at              BIGINT,
    -- Milliseconds of three significant digits.
    time_to_accept       BIGINT,
    time_to_delivered    BIGINT,
    request_to_completed BIGINT,
    delivered_to_opened  BIGINT,
    opened_to_clicked    BIGINT,
    clicked_to_completed BIGINT
);

CREATE INDEX delivery_facts_requested ON delivery_facts (requested_at, message_id);
CREATE INDEX delivery_facts_recipient ON delivery_facts (recipient_key, requested_at, message_id);
CREATE INDEX delivery_facts_domain ON delivery_facts (recipient_domain, requested_at, message_id);
CREATE INDEX delivery_facts_template ON delivery_facts (template, requested_at, message_id);
CREATE INDEX delivery_facts_mailbox ON delivery_facts (mailbox_provider, requested_at, message_id);
CREATE INDEX delivery_facts_status ON delivery_facts (status, requested_at, message_id);
CREATE INDEX delivery_facts_category ON delivery_facts (bounce_category, requested_at, message_id)
    WHERE bounce_category IS NOT NULL;
CREATE INDEX delivery_facts_loss ON delivery_facts (loss, requested_at, message_id) WHERE loss IS NOT NULL;
CREATE INDEX delivery_facts_lost_at ON delivery_facts (lost_at, requested_at, message_id) WHERE lost_at IS NOT NULL;
CREATE INDEX delivery_facts_reset ON delivery_facts (request_id) WHERE request_id IS NOT NULL;

-- For each flag that few messages have, so that a list of them is found without looking at all others. The others
-- are found soon by looking. A flag keeps its bit for ever.
CREATE INDEX delivery_facts_suppressed ON delivery_facts (requested_at, message_id) WHERE (flags >> 1) & 1 = 1;
CREATE INDEX delivery_facts_rejected ON delivery_facts (requested_at, message_id) WHERE (flags >> 2) & 1 = 1;
CREATE INDEX delivery_facts_sent_inferred ON delivery_facts (requested_at, message_id) WHERE (flags >> 4) & 1 = 1;
CREATE INDEX delivery_facts_delivered_inferred ON delivery_facts (requested_at, message_id) WHERE (flags >> 6) & 1 = 1;
CREATE INDEX delivery_facts_bounced ON delivery_facts (requested_at, message_id) WHERE (flags >> 7) & 1 = 1;
CREATE INDEX delivery_facts_bounced_hard ON delivery_facts (requested_at, message_id) WHERE (flags >> 8) & 1 = 1;
CREATE INDEX delivery_facts_bounced_soft ON delivery_facts (requested_at, message_id) WHERE (flags >> 9) & 1 = 1;
CREATE INDEX delivery_facts_bounced_block ON delivery_facts (requested_at, message_id) WHERE (flags >> 10) & 1 = 1;
CREATE INDEX delivery_facts_bounced_undetermined ON delivery_facts (requested_at, message_id) WHERE (flags >> 11) & 1 = 1;
CREATE INDEX delivery_facts_bounced_async ON delivery_facts (requested_at, message_id) WHERE (flags >> 12) & 1 = 1;
CREATE INDEX delivery_facts_bounce_contradicted ON delivery_facts (requested_at, message_id) WHERE (flags >> 13) & 1 = 1;
CREATE INDEX delivery_facts_in_flight ON delivery_facts (requested_at, message_id) WHERE (flags >> 14) & 1 = 1;
CREATE INDEX delivery_facts_not_handed_over ON delivery_facts (requested_at, message_id) WHERE (flags >> 16) & 1 = 1;
CREATE INDEX delivery_facts_canceled ON delivery_facts (requested_at, message_id) WHERE (flags >> 17) & 1 = 1;
CREATE INDEX delivery_facts_deferred ON delivery_facts (requested_at, message_id) WHERE (flags >> 18) & 1 = 1;
CREATE INDEX delivery_facts_complained ON delivery_facts (requested_at, message_id) WHERE (flags >> 19) & 1 = 1;
CREATE INDEX delivery_facts_unsubscribed ON delivery_facts (requested_at, message_id) WHERE (flags >> 20) & 1 = 1;
CREATE INDEX delivery_facts_clock_skewed ON delivery_facts (requested_at, message_id) WHERE (flags >> 32) & 1 = 1;
CREATE INDEX delivery_facts_failed ON delivery_facts (requested_at, message_id) WHERE (flags >> 33) & 1 = 1;

-- And for each way to fail.
CREATE INDEX delivery_facts_failed_invalid_recipient ON delivery_facts (requested_at, message_id)
    WHERE (failures & 4294967297) <> 0;
CREATE INDEX delivery_facts_failed_inactive_recipient ON delivery_facts (requested_at, message_id)
    WHERE (failures & 8589934594) <> 0;
CREATE INDEX delivery_facts_failed_invalid_domain ON delivery_facts (requested_at, message_id)
    WHERE (failures & 17179869188) <> 0;
CREATE INDEX delivery_facts_failed_mailbox_full ON delivery_facts (requested_at, message_id)
    WHERE (failures & 34359738376) <> 0;
CREATE INDEX delivery_facts_failed_message_too_large ON delivery_facts (requested_at, message_id)
    WHERE (failures & 68719476752) <> 0;
CREATE INDEX delivery_facts_failed_spam_content ON delivery_facts (requested_at, message_id)
    WHERE (failures & 137438953504) <> 0;
CREATE INDEX delivery_facts_failed_content_rejected ON delivery_facts (requested_at, message_id)
    WHERE (failures & 274877907008) <> 0;
CREATE INDEX delivery_facts_failed_blocklisted ON delivery_facts (requested_at, message_id)
    WHERE (failures & 549755814016) <> 0;
CREATE INDEX delivery_facts_failed_reputation_block ON delivery_facts (requested_at, message_id)
    WHERE (failures & 1099511628032) <> 0;
CREATE INDEX delivery_facts_failed_rate_limited ON delivery_facts (requested_at, message_id)
    WHERE (failures & 2199023256064) <> 0;
CREATE INDEX delivery_facts_failed_greylisted ON delivery_facts (requested_at, message_id)
    WHERE (failures & 4398046512128) <> 0;
CREATE INDEX delivery_facts_failed_auth_failed ON delivery_facts (requested_at, message_id)
    WHERE (failures & 8796093024256) <> 0;
CREATE INDEX delivery_facts_failed_sender_dns_invalid ON delivery_facts (requested_at, message_id)
    WHERE (failures & 17592186048512) <> 0;
CREATE INDEX delivery_facts_failed_relay_denied ON delivery_facts (requested_at, message_id)
    WHERE (failures & 35184372097024) <> 0;
CREATE INDEX delivery_facts_failed_policy_refused ON delivery_facts (requested_at, message_id)
    WHERE (failures & 70368744194048) <> 0;
CREATE INDEX delivery_facts_failed_protocol_error ON delivery_facts (requested_at, message_id)
    WHERE (failures & 140737488388096) <> 0;
CREATE INDEX delivery_facts_failed_server_error ON delivery_facts (requested_at, message_id)
    WHERE (failures & 281474976776192) <> 0;
CREATE INDEX delivery_facts_failed_unreachable ON delivery_facts (requested_at, message_id)
    WHERE (failures & 562949953552384) <> 0;
CREATE INDEX delivery_facts_failed_suppressed ON delivery_facts (requested_at, message_id)
    WHERE (failures & 1125899907104768) <> 0;
CREATE INDEX delivery_facts_failed_unclassified ON delivery_facts (requested_at, message_id)
    WHERE (failures & 2251799814209536) <> 0;

-- The same, summed up; moved by the difference that an event makes.
CREATE TABLE delivery_rollups (
    -- The five columns after it as JSON.
    id                        TEXT   NOT NULL PRIMARY KEY,
    -- hour or day; domain_hour or domain_day where the recipient's domain is told apart.
    grain                     TEXT   NOT NULL,
    -- Of the hour or day in which the messages were requested.
    start                     BIGINT NOT NULL,
    template                  TEXT   NOT NULL,
    provider                  TEXT   NOT NULL,
    mailbox_provider          TEXT   NOT NULL,
    -- Empty where it is not told apart.
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
    failed                    BIGINT NOT NULL DEFAULT 0,
    opens_human               BIGINT NOT NULL DEFAULT 0,
    opens_machine             BIGINT NOT NULL DEFAULT 0,
    clicks_human              BIGINT NOT NULL DEFAULT 0,
    clicks_machine            BIGINT NOT NULL DEFAULT 0,
    -- How many messages took how long, for each span.
    spans                     BYTEA  NOT NULL,
    -- How many messages were lost at which step, and why.
    losses                    TEXT   NOT NULL,
    -- How many messages failed in which category, and of these for good.
    failures                  TEXT   NOT NULL
);

CREATE INDEX delivery_rollups_start ON delivery_rollups (grain, start);
CREATE INDEX delivery_rollups_domain ON delivery_rollups (grain, recipient_domain, start)
    WHERE recipient_domain <> '';

-- Failed and delayed deliveries, understood by the rules of the code that folds them. The message's row tells when it was
-- requested, template and providers.
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

CREATE INDEX bounce_failures_said ON bounce_failures (rule, normalized, message_id) WHERE normalized IS NOT NULL;

-- What was said of how many messages, and when last: by the same hours, days and dimensions as deliveries.
CREATE TABLE bounce_samples (
    -- A digest of the columns up to `normalized`.
    id               TEXT   NOT NULL PRIMARY KEY,
    grain            TEXT   NOT NULL,
    start            BIGINT NOT NULL,
    template         TEXT   NOT NULL,
    provider         TEXT   NOT NULL,
    mailbox_provider TEXT   NOT NULL,
    recipient_domain TEXT   NOT NULL,
    category         TEXT   NOT NULL,
    rule             TEXT   NOT NULL,
    normalized       TEXT   NOT NULL,
    messages         BIGINT NOT NULL,
    last_seen        BIGINT NOT NULL
);

CREATE INDEX bounce_samples_start ON bounce_samples (grain, start);
CREATE INDEX bounce_samples_domain ON bounce_samples (grain, recipient_domain, start) WHERE recipient_domain <> '';

-- Cohorts for whoever reads the database by SQL, made anew with their tables: messages by the time of their request, with
-- what became of them, counted as the API counts. Views, so that a reader needs no right on any table: none shows an address, a hash or
-- mask of one, or its domain. Rebuilding a read model makes them anew with the tables that they read; a later step that
-- drops such a table must drop and make them too.

-- One row per message. A flag is 0 or 1; spans are in seconds, of three significant digits, and null where they were
-- not observed. `requested_micros` is indexed.
CREATE VIEW cohort_messages AS
SELECT message_id, requested_at AS requested_micros, to_timestamp(requested_at / 1000000.0) AS requested_at,
       template, provider, mailbox_provider, status, bounce_category, lost_at, loss,
       (flags >> 0) & 1 AS requested, (flags >> 1) & 1 AS suppressed, (flags >> 2) & 1 AS rejected,
       (flags >> 3) & 1 AS sent, (flags >> 4) & 1 AS sent_inferred, (flags >> 5) & 1 AS delivered,
       (flags >> 6) & 1 AS delivered_inferred, (flags >> 7) & 1 AS bounced, (flags >> 8) & 1 AS bounced_hard,
       (flags >> 9) & 1 AS bounced_soft, (flags >> 10) & 1 AS bounced_block,
       (flags >> 11) & 1 AS bounced_undetermined, (flags >> 12) & 1 AS bounced_async,
       (flags >> 13) & 1 AS bounce_contradicted, (flags >> 14) & 1 AS in_flight, (flags >> 15) & 1 AS settled,
       (flags >> 16) & 1 AS not_handed_over, (flags >> 17) & 1 AS canceled, (flags >> 18) & 1 AS deferred,
       (flags >> 19) & 1 AS complained, (flags >> 20) & 1 AS unsubscribed, (flags >> 21) & 1 AS opened,
       (flags >> 22) & 1 AS opened_raw, (flags >> 23) & 1 AS clicked, (flags >> 24) & 1 AS completed,
       (flags >> 25) & 1 AS unaccounted, (flags >> 26) & 1 AS open_tracked_delivered,
       (flags >> 27) & 1 AS open_tracked_opened, (flags >> 28) & 1 AS open_tracked_opened_raw,
       (flags >> 29) & 1 AS click_tracked_delivered, (flags >> 30) & 1 AS click_tracked_opened,
       (flags >> 31) & 1 AS click_tracked_clicked, (flags >> 32) & 1 AS clock_skewed, (flags >> 33) & 1 AS failed, opens_human,
       opens_machine, clicks_human, clicks_machine, time_to_accept / 1000.0 AS time_to_accept,
       time_to_delivered / 1000.0 AS time_to_delivered, request_to_completed / 1000.0 AS request_to_completed,
       delivered_to_opened / 1000.0 AS delivered_to_opened, opened_to_clicked / 1000.0 AS opened_to_clicked,
       clicked_to_completed / 1000.0 AS clicked_to_completed
FROM delivery_facts WHERE requested_at IS NOT NULL;

-- The same, summed up by the hour of the request. `start_micros` is indexed.
CREATE VIEW cohort_hours AS
SELECT start AS start_micros, to_timestamp(start / 1000000.0) AS hour, template, provider, mailbox_provider,
       requested, suppressed, rejected, sent, sent_inferred, delivered, delivered_inferred, bounced, bounced_hard,
       bounced_soft, bounced_block, bounced_undetermined, bounced_async, bounce_contradicted, in_flight, settled,
       not_handed_over, canceled, deferred, complained, unsubscribed, opened, opened_raw, clicked, completed,
       unaccounted, open_tracked_delivered, open_tracked_opened, open_tracked_opened_raw, click_tracked_delivered,
       click_tracked_opened, click_tracked_clicked, clock_skewed, failed, opens_human, opens_machine, clicks_human,
       clicks_machine
FROM delivery_rollups WHERE grain = 'hour';

-- And by the day, UTC.
CREATE VIEW cohort_days AS
SELECT start AS start_micros, to_timestamp(start / 1000000.0) AS day, template, provider, mailbox_provider,
       requested, suppressed, rejected, sent, sent_inferred, delivered, delivered_inferred, bounced, bounced_hard,
       bounced_soft, bounced_block, bounced_undetermined, bounced_async, bounce_contradicted, in_flight, settled,
       not_handed_over, canceled, deferred, complained, unsubscribed, opened, opened_raw, clicked, completed,
       unaccounted, open_tracked_delivered, open_tracked_opened, open_tracked_opened_raw, click_tracked_delivered,
       click_tracked_opened, click_tracked_clicked, clock_skewed, failed, opens_human, opens_machine, clicks_human,
       clicks_machine
FROM delivery_rollups WHERE grain = 'day';

-- A reader that was made before the tables, as docker-compose.yml does.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'backstamp_reader') THEN
        GRANT SELECT ON cohort_messages, cohort_hours, cohort_days TO backstamp_reader;
    END IF;
END
$$;
