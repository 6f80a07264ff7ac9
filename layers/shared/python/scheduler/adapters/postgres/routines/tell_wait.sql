-- Write the event of a queue entry: p_what is joined, fulfilled, expired or cancelled. Called while the user's usage row is locked,
-- which keeps the events of her group in order.
CREATE OR REPLACE FUNCTION tell_wait(entry queue_entries, p_what text, p_more jsonb, p_at timestamptz) RETURNS void
LANGUAGE sql VOLATILE AS $$
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('scheduler.queue.' || p_what, entry.id, entry.tenant_id || '|' || entry.user_id, entry.tenant_id,
            jsonb_build_object('id', entry.id, 'userId', entry.user_id, 'tenantId', entry.tenant_id, 'status', entry.status,
                               'tier', entry.tier, 'durationMinutes', entry.duration_minutes,
                               'joinedAt', wire_time(entry.joined_at), 'expiresAt', wire_time(entry.expires_at)) || p_more, p_at)
$$;
