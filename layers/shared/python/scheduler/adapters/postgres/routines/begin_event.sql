-- Begin an event from outside whose work takes several transactions: fresh, applied or stale, as in open_event. The last of them
-- marks it with close_event, so that one that was cut comes again, and what it did before is done again without harm.
CREATE OR REPLACE FUNCTION begin_event(p_event incoming_event) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO incoming_newest AS n (family, subject, newest_at) VALUES (p_event.family, p_event.subject, p_event.at)
    ON CONFLICT (family, subject) DO UPDATE SET newest_at = excluded.newest_at WHERE n.newest_at <= excluded.newest_at;
    RETURN CASE WHEN FOUND THEN 'fresh' ELSE 'stale' END;
END $$;
