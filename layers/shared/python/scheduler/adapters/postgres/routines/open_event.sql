-- Take an event from outside for this transaction: fresh, or applied (it came before), or stale (a newer one of its subject was
-- applied). Settles: the same event twice at once (the second waits on the inbox), and two of one subject (its row is locked).
CREATE OR REPLACE FUNCTION open_event(p_event incoming_event) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO inbox (consumer, event_id, received_at) VALUES ('consume', p_event.id, scheduler_clock()) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'applied';
    END IF;
    RETURN begin_event(p_event);
END $$;
