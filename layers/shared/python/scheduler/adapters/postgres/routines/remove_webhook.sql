-- Forget a webhook and what waits for it; what is finished goes with its retention. Settles: removing against attempts in flight, whose
-- settlement then finds nothing. Outcomes: webhook_removed | webhook_not_found.
CREATE OR REPLACE FUNCTION remove_webhook(p_webhook uuid, p_tenant text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
    IF (lock_webhook(p_webhook, p_tenant)).id IS NULL THEN
        RETURN jsonb_build_object('outcome', 'webhook_not_found');
    END IF;
    DELETE FROM webhook_deliveries WHERE webhook_id = p_webhook AND next_attempt_at IS NOT NULL;
    DELETE FROM webhooks WHERE id = p_webhook;
    RETURN jsonb_build_object('outcome', 'webhook_removed');
END $$;
