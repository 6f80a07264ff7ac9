-- Say until when a webhook is left alone, and from its deliveries when its next attempt is due. Called with the webhook locked, after
-- its deliveries were changed.
CREATE OR REPLACE FUNCTION arm_webhook(p_webhook uuid, p_busy_until timestamptz) RETURNS void
LANGUAGE sql VOLATILE SET enable_seqscan = off AS $$
    UPDATE webhooks SET busy_until = p_busy_until, next_attempt_at = (
        SELECT greatest(d.next_attempt_at, p_busy_until) FROM webhook_deliveries d
         WHERE d.webhook_id = p_webhook AND d.next_attempt_at IS NOT NULL ORDER BY d.next_attempt_at LIMIT 1)
     WHERE id = p_webhook
$$;
