-- Mark an event from outside as applied, beside its last effect.
CREATE OR REPLACE FUNCTION close_event(p_event incoming_event) RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO inbox (consumer, event_id, received_at)
    SELECT 'consume', p_event.id, scheduler_clock() WHERE p_event.id IS NOT NULL
    ON CONFLICT DO NOTHING
$$;
