-- Let events be kept for a webhook again, with a clean record; one that is enabled stays as it is. What it missed is not made up for.
-- Outcomes: webhook_enabled | webhook_not_found.
CREATE OR REPLACE FUNCTION enable_webhook(p_webhook uuid, p_tenant text, p_key request_key) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    answer jsonb;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    IF (lock_webhook(p_webhook, p_tenant)).id IS NULL THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'webhook_not_found'));
    END IF;
    UPDATE webhooks SET status = 'enabled', disabled_at = NULL, disabled_reason = NULL, failures_in_row = 0, failing_since = NULL,
                        busy_until = '-infinity'
     WHERE id = p_webhook AND status = 'disabled';
    RETURN close_request(p_key, jsonb_build_object('outcome', 'webhook_enabled'));
END $$;
