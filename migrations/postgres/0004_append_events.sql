-- Appends a batch of commands in one statement. The advisory lock, held until the commit, makes appends
-- happen one after the other, so that `position` is contiguous and equals commit order; in READ COMMITTED
-- the statement after the lock sees everything that the holder before it has committed.
--
-- commands: [{i, kind, stream, expected (-1: any), command, data_key, key_subject, key_wrapped, effect,
--             webhook, webhook_message, client, client_window, at}]
-- new_events: [{i, k, type, version, payload (JSON as text), metadata (JSON as text), at}]
--
-- The look-ups are LATERAL with LIMIT 1: a plain join makes the planner read whole streams.

CREATE FUNCTION append_events(commands JSON, new_events JSON)
RETURNS TABLE (command_index INT, verdict TEXT, first_sequence BIGINT)
LANGUAGE plpgsql
AS $$
DECLARE
    base BIGINT;
BEGIN
    PERFORM pg_advisory_xact_lock(4207180011);
    SELECT coalesce(max(e.position), 0) INTO base FROM events e;

    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT c.*, coalesce(newest.sequence, 0) AS last_sequence,
               CASE
                   WHEN EXISTS (SELECT 1 FROM events e WHERE e.command_id = c.command) THEN 'duplicate'
                   WHEN EXISTS (SELECT 1 FROM effect_keys k WHERE k.effect = c.effect) THEN 'effect_known'
                   WHEN c.expected >= 0 AND c.expected <> coalesce(newest.sequence, 0) THEN 'conflict'
                   ELSE 'stored'
               END AS judgement
        FROM json_to_recordset(commands) AS c (
            i INT, kind TEXT, stream TEXT, expected BIGINT, command TEXT, data_key TEXT,
            key_subject TEXT, key_wrapped TEXT, effect TEXT, webhook TEXT, webhook_message TEXT,
            client TEXT, client_window BIGINT, at BIGINT)
        LEFT JOIN LATERAL (
            SELECT e.sequence FROM events e
            WHERE e.aggregate_type = c.kind AND e.aggregate_id = c.stream
            ORDER BY e.sequence DESC LIMIT 1
        ) newest ON true
    ), placed AS MATERIALIZED (
        SELECT n.*, j.kind, j.stream, j.data_key, j.command,
               base + row_number() OVER (ORDER BY n.i, n.k) AS position,
               j.last_sequence + row_number() OVER (PARTITION BY j.kind, j.stream ORDER BY n.i, n.k) AS sequence
        FROM json_to_recordset(new_events) AS n (
            i INT, k INT, type TEXT, version TEXT, payload TEXT, metadata TEXT, at BIGINT)
        JOIN judged j ON j.i = n.i AND j.judgement = 'stored'
    ), firsts AS MATERIALIZED (
        SELECT p.i, min(p.position) AS position, min(p.sequence) AS sequence FROM placed p GROUP BY p.i
    ), stored AS (
        INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                            payload, metadata, command_id, data_key, recorded_at)
        SELECT p.position, p.kind, p.stream, p.sequence, p.type, p.version, p.payload::json,
               p.metadata::json, CASE WHEN p.k = 0 THEN p.command END, p.data_key, p.at
        FROM placed p ORDER BY p.position
    ), keys AS (
        INSERT INTO data_keys (id, subject, wrapped, created_at)
        SELECT j.data_key, j.key_subject, decode(j.key_wrapped, 'hex'), j.at
        FROM judged j WHERE j.judgement = 'stored' AND j.key_wrapped IS NOT NULL
    ), effects AS (
        INSERT INTO effect_keys (effect, position)
        SELECT j.effect, coalesce(f.position, base)
        FROM judged j LEFT JOIN firsts f ON f.i = j.i WHERE j.judgement = 'stored' AND j.effect IS NOT NULL
    ), settled AS (
        UPDATE webhooks w SET outcome = 'processed', reason = NULL, message_id = j.webhook_message
        FROM judged j WHERE w.id = j.webhook AND j.judgement <> 'conflict'
    ), counted AS (
        INSERT INTO client_requests (client, window_start, requests)
        SELECT j.client, j.client_window, count(*)
        FROM judged j WHERE j.client IS NOT NULL AND j.judgement = 'stored'
        GROUP BY j.client, j.client_window
        ON CONFLICT (client, window_start)
            DO UPDATE SET requests = client_requests.requests + excluded.requests
    )
    SELECT j.i, j.judgement, f.sequence
    FROM judged j LEFT JOIN firsts f ON f.i = j.i ORDER BY j.i;

    -- One notification per batch: one per transaction of its own would cost more than the append.
    PERFORM pg_notify('backstamp_events', '');
END
$$;
