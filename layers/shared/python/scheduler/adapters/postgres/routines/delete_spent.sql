-- Delete up to p_limit rows of each kind that have done their work: published events and inbox marks after 7 days, idempotency
-- keys after 24 hours, ended waits after 30 days, uses of tenants of whom nothing was learned for 180 days. Marks how far events
-- and waits are gone, so that an audit knows. Settles: cleanups at the same time (SKIP LOCKED).
CREATE OR REPLACE FUNCTION delete_spent(p_limit int) RETURNS int LANGUAGE sql VOLATILE SET enable_seqscan = off AS $$
    WITH events AS (
        DELETE FROM outbox WHERE id = ANY (ARRAY(
            SELECT id FROM outbox WHERE published_at < scheduler_now() - interval '7 days'
             ORDER BY published_at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING published_at
    ), marked AS (
        INSERT INTO retention_marks AS m (kind, deleted_until)
        SELECT 'events', max(published_at) FROM events HAVING count(*) > 0
        ON CONFLICT (kind) DO UPDATE SET deleted_until = greatest(m.deleted_until, excluded.deleted_until)
    ), marks AS (
        DELETE FROM inbox WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM inbox WHERE received_at < scheduler_now() - interval '7 days'
             ORDER BY received_at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING 1
    ), keys AS (
        DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency_keys WHERE created_at < scheduler_now() - interval '24 hours'
             ORDER BY created_at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING 1
    ), waits AS (
        DELETE FROM queue_entries WHERE id = ANY (ARRAY(
            SELECT id FROM queue_entries WHERE status <> 'waiting' AND ended_at < scheduler_now() - interval '30 days'
             ORDER BY ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED)) RETURNING ended_at
    ), marked_waits AS (
        INSERT INTO retention_marks AS m (kind, deleted_until)
        SELECT 'queue_entries', max(ended_at) FROM waits HAVING count(*) > 0
        ON CONFLICT (kind) DO UPDATE SET deleted_until = greatest(m.deleted_until, excluded.deleted_until)
    ), uses AS (
        DELETE FROM placement_uses WHERE (tenant_id, step) IN (
            SELECT tenant_id, step FROM placement_uses WHERE as_of < extract(epoch FROM scheduler_now() - interval '180 days')
             ORDER BY tenant_id, step LIMIT p_limit FOR UPDATE SKIP LOCKED) RETURNING 1
    )
    SELECT ((SELECT count(*) FROM events) + (SELECT count(*) FROM marks) + (SELECT count(*) FROM keys)
            + (SELECT count(*) FROM waits) + (SELECT count(*) FROM uses))::int
$$;
