-- The first of the line who could be given a device now; those who could not hold up nobody. Of a quota that was read longer than
-- p_fresh_seconds ago nothing is believed: such a waiter is taken as one whom it allows, to be asked before she is served.
-- p_passed: whom to pass over. The first thousand are looked at.
CREATE OR REPLACE FUNCTION next_waiter(p_passed uuid[], p_fresh_seconds int) RETURNS queue_entries
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
    entry queue_entries;
    held  quota_usage;
    at    timestamptz := scheduler_now();
BEGIN
    IF NOT EXISTS (SELECT FROM devices WHERE is_free)
       AND NOT EXISTS (SELECT FROM devices WHERE held_for IS NOT NULL AND active_allocation_id IS NULL) THEN
        RETURN NULL;
    END IF;
    FOR entry IN SELECT * FROM queue_entries WHERE status = 'waiting' ORDER BY rank, id LIMIT 1000 LOOP
        CONTINUE WHEN entry.id = ANY (p_passed);
        IF entry.terms_read_at < at - make_interval(secs => p_fresh_seconds) THEN
            entry.terms := NULL;
        END IF;
        SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (entry.tenant_id, entry.user_id);
        IF fitting_device(entry, held, at) IS NOT NULL THEN
            RETURN entry;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
