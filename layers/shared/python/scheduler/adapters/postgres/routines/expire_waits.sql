-- End up to p_limit waits that lasted as long as they may, the longest overdue first; returns them. Settles: timing out against
-- being served or cancelled, and sweeps at the same time (usage rows, held devices, entries, each in order). Users whose row is busy
-- are passed over: the next sweep comes to them. Without seqscan: few are due, which the planner cannot know.
CREATE OR REPLACE FUNCTION expire_waits(p_limit int) RETURNS SETOF queue_entries
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    due   uuid[];
    mine  uuid[];
    entry queue_entries;
    at    timestamptz;
BEGIN
    due := ARRAY(SELECT id FROM queue_entries WHERE status = 'waiting' AND expires_at <= scheduler_now()
                  ORDER BY expires_at LIMIT p_limit);
    mine := ARRAY(
        SELECT e.id FROM queue_entries e
          JOIN (SELECT u.tenant_id, u.user_id FROM quota_usage u
                 WHERE (u.tenant_id, u.user_id) IN (SELECT w.tenant_id, w.user_id FROM queue_entries w WHERE w.id = ANY (due))
                 ORDER BY u.tenant_id, u.user_id FOR UPDATE SKIP LOCKED) held USING (tenant_id, user_id)
         WHERE e.id = ANY (due));
    PERFORM FROM devices WHERE held_for = ANY (mine) ORDER BY id FOR UPDATE;
    PERFORM FROM queue_entries WHERE id = ANY (mine) ORDER BY id FOR UPDATE;
    at := scheduler_clock();

    FOR entry IN SELECT * FROM queue_entries WHERE id = ANY (mine) AND status = 'waiting' ORDER BY id LOOP
        RETURN NEXT end_wait(entry, 'expired', at);
    END LOOP;
END $$;
