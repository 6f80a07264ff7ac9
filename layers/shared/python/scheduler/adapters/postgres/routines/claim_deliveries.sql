-- Begin up to p_limit attempts that are due, one a webhook, and leave those webhooks alone for p_lease_seconds: who is killed before the
-- settlement has it begun again after that. Settles: two senders at once (the webhook's row, SKIP LOCKED, its time read again once locked).
CREATE OR REPLACE FUNCTION claim_deliveries(p_limit int, p_lease_seconds double precision)
RETURNS TABLE (webhook_id uuid, event_id uuid, attempt int, at timestamptz, url text, secret text, body text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    began  timestamptz := scheduler_clock();
    leased timestamptz := began + make_interval(secs => p_lease_seconds);
    hook   webhooks;
    sent   webhook_deliveries;
BEGIN
    FOR hook IN SELECT w.* FROM webhooks w WHERE w.next_attempt_at <= began ORDER BY w.next_attempt_at LIMIT p_limit
                   FOR UPDATE SKIP LOCKED LOOP
        UPDATE webhook_deliveries d SET attempts = d.attempts + 1, next_attempt_at = leased
         WHERE d.webhook_id = hook.id AND d.event_id = (
            SELECT n.event_id FROM webhook_deliveries n WHERE n.webhook_id = hook.id AND n.next_attempt_at <= began
             ORDER BY n.next_attempt_at LIMIT 1)
        RETURNING d.* INTO sent;
        PERFORM arm_webhook(hook.id, leased);
        IF sent.webhook_id IS NOT NULL THEN
            RETURN QUERY SELECT sent.webhook_id, sent.event_id, sent.attempts, began, hook.url::text, hook.secret::text, sent.body;
        END IF;
    END LOOP;
END $$;
