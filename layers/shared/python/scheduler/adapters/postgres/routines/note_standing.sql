-- Take over what an event says of a user (p_what: suspended | deleted | activated | overdue | paid | payment_failed), and block her
-- while any reason stands: committed here, before her allocations are ended, so that no claim slips in between. Then she waits for
-- nothing. Settles: the same event twice at once (its mark in the inbox), events of one user and her claims (her usage row). What
-- stands follows from the newest time of each kind, so that events may come late, twice and in any order: open_event would drop the
-- older of two failed payments. A reason that was not there before is an event of its own, whatever she holds. Outcomes: fresh |
-- applied, with the reason that stands now.
CREATE OR REPLACE FUNCTION note_standing(p_event text, p_at timestamptz, p_tenant text, p_user text, p_what text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    is_fresh boolean;
    why      text;
    entry    queue_entries;
    at       timestamptz;
BEGIN
    INSERT INTO inbox (consumer, event_id, received_at) VALUES ('consume', p_event, scheduler_clock()) ON CONFLICT DO NOTHING;
    is_fresh := FOUND;
    PERFORM lock_usage(p_tenant, p_user);
    entry := lock_wait((SELECT id FROM queue_entries WHERE status = 'waiting' AND (tenant_id, user_id) = (p_tenant, p_user)));
    IF is_fresh THEN
        PERFORM keep_standing(p_event, p_at, p_tenant, p_user, p_what);
    END IF;

    why := standing_reason(p_tenant, p_user);
    UPDATE quota_usage SET blocked = why IS NOT NULL, blocked_reason = why
     WHERE (tenant_id, user_id) = (p_tenant, p_user) AND (blocked, blocked_reason) IS DISTINCT FROM (why IS NOT NULL, why);
    IF FOUND AND why IS NOT NULL THEN
        at := scheduler_clock();
        INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
        VALUES ('scheduler.user.blocked', p_user, p_tenant || '|' || p_user, p_tenant,
                jsonb_build_object('userId', p_user, 'tenantId', p_tenant, 'reason', why, 'blockedAt', wire_time(at)), at);
    END IF;
    IF why IS NOT NULL AND entry.status = 'waiting' THEN
        PERFORM end_wait(entry, 'cancelled', scheduler_clock());
    END IF;
    RETURN jsonb_build_object('outcome', CASE WHEN is_fresh THEN 'fresh' ELSE 'applied' END, 'reason', why);
END $$;
