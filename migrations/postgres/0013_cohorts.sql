-- Cohorts for whoever reads the database by SQL: messages by the time of their request, with what became of them,
-- counted as the API counts. Views, so that a reader needs no right on any table: none shows an address, a hash or
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
       (flags >> 31) & 1 AS click_tracked_clicked, (flags >> 32) & 1 AS clock_skewed, opens_human, opens_machine,
       clicks_human, clicks_machine, time_to_accept / 1000.0 AS time_to_accept,
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
       click_tracked_opened, click_tracked_clicked, clock_skewed, opens_human, opens_machine, clicks_human,
       clicks_machine
FROM delivery_rollups WHERE grain = 'hour';

-- And by the day, UTC.
CREATE VIEW cohort_days AS
SELECT start AS start_micros, to_timestamp(start / 1000000.0) AS day, template, provider, mailbox_provider,
       requested, suppressed, rejected, sent, sent_inferred, delivered, delivered_inferred, bounced, bounced_hard,
       bounced_soft, bounced_block, bounced_undetermined, bounced_async, bounce_contradicted, in_flight, settled,
       not_handed_over, canceled, deferred, complained, unsubscribed, opened, opened_raw, clicked, completed,
       unaccounted, open_tracked_delivered, open_tracked_opened, open_tracked_opened_raw, click_tracked_delivered,
       click_tracked_opened, click_tracked_clicked, clock_skewed, opens_human, opens_machine, clicks_human,
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

-- Lists by where, or why, mails were lost are found in the order in which they are shown, whichever of the two is asked
-- for.
DROP INDEX delivery_facts_loss;
CREATE INDEX delivery_facts_loss ON delivery_facts (loss, requested_at, message_id) WHERE loss IS NOT NULL;
CREATE INDEX delivery_facts_lost_at ON delivery_facts (lost_at, requested_at, message_id) WHERE lost_at IS NOT NULL;

-- What failures are grouped by, without reading the rows of their messages, which are large.
CREATE INDEX delivery_facts_dimensions
    ON delivery_facts (message_id, template, provider, mailbox_provider, recipient_domain);
