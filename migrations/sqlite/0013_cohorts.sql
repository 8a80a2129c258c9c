-- On PostgreSQL this step makes views for those who read the database by SQL; nobody but the program reads a SQLite file.

-- Lists by where, or why, mails were lost are found in the order in which they are shown, whichever of the two is asked
-- for.
DROP INDEX delivery_facts_loss;
CREATE INDEX delivery_facts_loss ON delivery_facts (loss, requested_at, message_id) WHERE loss IS NOT NULL;
CREATE INDEX delivery_facts_lost_at ON delivery_facts (lost_at, requested_at, message_id) WHERE lost_at IS NOT NULL;

-- What failures are grouped by, without reading the rows of their messages, which are large.
CREATE INDEX delivery_facts_dimensions
    ON delivery_facts (message_id, template, provider, mailbox_provider, recipient_domain);
