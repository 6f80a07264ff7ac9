-- Keep an event for one webhook, once (ON CONFLICT), and have it sent as soon as the webhook is not busy. Called with the webhook locked:
-- the earliest attempt stands on its row, and whoever sets that must see every delivery.
CREATE OR REPLACE FUNCTION keep_delivery(p_webhook uuid, p_event uuid, p_type text, p_body text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz := scheduler_clock();
BEGIN
    INSERT INTO webhook_deliveries (webhook_id, event_id, type, body, created_at, next_attempt_at)
    VALUES (p_webhook, p_event, p_type, p_body, at, at) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE webhooks SET waiting = waiting + 1, next_attempt_at = least(next_attempt_at, greatest(at, busy_until))
     WHERE id = p_webhook;
    RETURN true;
END $$;
