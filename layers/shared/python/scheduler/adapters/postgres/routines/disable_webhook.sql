-- Keep no more events for a webhook, and fail what waits for it: it could be very old when somebody enables it again. Called with the
-- webhook locked.
CREATE OR REPLACE FUNCTION disable_webhook(p_webhook uuid, p_reason text, p_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
    UPDATE webhook_deliveries SET failed_at = p_at, next_attempt_at = NULL, last_reason = 'webhook disabled'
     WHERE webhook_id = p_webhook AND next_attempt_at IS NOT NULL;
    UPDATE webhooks SET status = 'disabled', disabled_at = p_at, disabled_reason = p_reason, waiting = 0, next_attempt_at = NULL
     WHERE id = p_webhook;
END $$;
