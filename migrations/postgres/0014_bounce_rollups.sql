-- In which ways each message failed, in its row, and the sums of them and of what was said beside the other sums, so
-- that a long range of failures costs what a short one does. Part of the projection `deliveries`, which folds everything
-- again from the first event.

DELETE FROM delivery_facts;
DELETE FROM delivery_rollups;
DELETE FROM bounce_failures;
DELETE FROM checkpoints WHERE consumer = 'deliveries';

-- Bit n: failed for now in the n-th category; bit 32 + n: for good. A category keeps its bits for ever.
ALTER TABLE delivery_facts ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE delivery_rollups ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;
-- How many messages failed in which category, and of these for good.
ALTER TABLE delivery_rollups ADD COLUMN failures TEXT NOT NULL DEFAULT '[]';

-- Lists of those that failed, in the order in which they are shown.
CREATE INDEX delivery_facts_failed ON delivery_facts (requested_at, message_id) WHERE (flags >> 33) & 1 = 1;
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

-- Failures are found by what was said of them; when they were, their messages tell.
DROP INDEX bounce_failures_at;
DROP INDEX delivery_facts_dimensions;
CREATE INDEX bounce_failures_said ON bounce_failures (rule, normalized, message_id) WHERE normalized IS NOT NULL;

-- What was said, masked, of how many messages, and when last: by the same hours, days and dimensions as deliveries.
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

-- The views of cohorts tell it, too.
CREATE OR REPLACE VIEW cohort_messages AS
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
       (flags >> 31) & 1 AS click_tracked_clicked, (flags >> 32) & 1 AS clock_skewed, opens_human, opens_machine,
       clicks_human, clicks_machine, time_to_accept / 1000.0 AS time_to_accept,
       time_to_delivered / 1000.0 AS time_to_delivered, request_to_completed / 1000.0 AS request_to_completed,
       delivered_to_opened / 1000.0 AS delivered_to_opened, opened_to_clicked / 1000.0 AS opened_to_clicked,
       clicked_to_completed / 1000.0 AS clicked_to_completed, (flags >> 33) & 1 AS failed
FROM delivery_facts WHERE requested_at IS NOT NULL;

CREATE OR REPLACE VIEW cohort_hours AS
SELECT start AS start_micros, to_timestamp(start / 1000000.0) AS hour, template, provider, mailbox_provider,
       requested, suppressed, rejected, sent, sent_inferred, delivered, delivered_inferred, bounced, bounced_hard,
       bounced_soft, bounced_block, bounced_undetermined, bounced_async, bounce_contradicted, in_flight, settled,
       not_handed_over, canceled, deferred, complained, unsubscribed, opened, opened_raw, clicked, completed,
       unaccounted, open_tracked_delivered, open_tracked_opened, open_tracked_opened_raw, click_tracked_delivered,
       click_tracked_opened, click_tracked_clicked, clock_skewed, opens_human, opens_machine, clicks_human,
       clicks_machine, failed
FROM delivery_rollups WHERE grain = 'hour';

CREATE OR REPLACE VIEW cohort_days AS
SELECT start AS start_micros, to_timestamp(start / 1000000.0) AS day, template, provider, mailbox_provider,
       requested, suppressed, rejected, sent, sent_inferred, delivered, delivered_inferred, bounced, bounced_hard,
       bounced_soft, bounced_block, bounced_undetermined, bounced_async, bounce_contradicted, in_flight, settled,
       not_handed_over, canceled, deferred, complained, unsubscribed, opened, opened_raw, clicked, completed,
       unaccounted, open_tracked_delivered, open_tracked_opened, open_tracked_opened_raw, click_tracked_delivered,
       click_tracked_opened, click_tracked_clicked, clock_skewed, opens_human, opens_machine, clicks_human,
       clicks_machine, failed
FROM delivery_rollups WHERE grain = 'day';
