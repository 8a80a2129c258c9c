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
