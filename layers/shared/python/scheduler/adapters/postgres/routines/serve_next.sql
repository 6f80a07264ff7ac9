-- Lend a device to the first of the line who can have one now. Settles: dispatchers at the same time, which the gate puts in line, so
-- that all together keep one order. One waiter a call: killed half-way, nothing is half done. Outcomes: granted | nobody | busy (her
-- row or device is in other hands just now) | stale (her quota has to be read first; with her come those behind her who need it too).
CREATE OR REPLACE FUNCTION serve_next(p_passed uuid[], p_fresh_seconds int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    entry queue_entries;
BEGIN
    PERFORM FROM queue_gate FOR UPDATE;
    entry := next_waiter(p_passed, p_fresh_seconds);
    IF entry.id IS NULL THEN
        RETURN jsonb_build_object('outcome', 'nobody');
    ELSIF entry.terms_read_at < scheduler_clock() - make_interval(secs => p_fresh_seconds) THEN
        RETURN jsonb_build_object('outcome', 'stale', 'entries', stale_waiters(entry, p_passed, p_fresh_seconds));
    END IF;
    RETURN serve_waiter(entry.id);
END $$;
