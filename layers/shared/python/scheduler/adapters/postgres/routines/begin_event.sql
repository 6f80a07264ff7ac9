-- Begin an event from outside whose work takes several transactions: fresh, applied or stale, as in open_event. The last of them
-- marks it with close_event, so that one that was cut comes again, and what it did before is done again without harm.
CREATE OR REPLACE FUNCTION begin_event(p_event incoming_event) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO incoming_newest AS n (family, subject, newest_at, newest_id)
    VALUES (p_event.family, p_event.subject, p_event.at, p_event.id)
    ON CONFLICT (family, subject) DO UPDATE SET newest_at = excluded.newest_at, newest_id = excluded.newest_id
     WHERE (n.newest_at, n.newest_id) <= (excluded.newest_at, excluded.newest_id);
    RETURN CASE WHEN FOUND THEN 'fresh' ELSE 'stale' END;
END $$;
