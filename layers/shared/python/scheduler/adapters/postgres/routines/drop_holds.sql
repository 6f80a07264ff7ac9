-- Give up to p_limit held devices back to everybody that are of no use to their waiters: out of service, reserved too soon, or for
-- somebody whose quota refuses. One that is being wiped is kept: it comes back. Settles: holds against the end of the wait (the
-- device's lock, asked again by the update itself).
CREATE OR REPLACE FUNCTION drop_holds(p_limit int) RETURNS int LANGUAGE sql VOLATILE SET enable_seqscan = off AS $$
    WITH useless AS (
        SELECT d.id, d.held_for FROM devices d
          JOIN queue_entries e ON e.id = d.held_for
          JOIN spec_classes c ON c.id = d.class_id
          LEFT JOIN LATERAL (SELECT * FROM quota_usage
                              WHERE tenant_id = e.tenant_id AND user_id = e.user_id OFFSET 0) u ON true
         WHERE d.held_for IS NOT NULL
           AND (d.status <> 'running' OR d.life NOT IN ('in_service', 'recycling')
                OR d.next_reserved_at < greatest(d.busy_until, scheduler_now()) + make_interval(mins => e.duration_minutes)
                OR (e.expires_at > scheduler_now() AND NOT can_be_served(e, u, c, NULL, scheduler_now())))
         ORDER BY d.id LIMIT p_limit FOR UPDATE OF d SKIP LOCKED
    ), dropped AS (
        UPDATE devices d SET held_for = NULL FROM useless WHERE d.id = useless.id AND d.held_for = useless.held_for RETURNING 1
    )
    SELECT count(*)::int FROM dropped
$$;
