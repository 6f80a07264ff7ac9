-- Keep what came of an attempt: the delivery is done, tried again after p_retry_seconds (NULL: that was the last attempt) or failed; the
-- webhook rests after failures, up to a minute, and is disabled when it wants no more, or when p_most_failures in a row over p_hours failed.
-- Settles: a sender that was frozen beyond its lease (another has begun the next attempt: only a success still counts), and a webhook that
-- was removed or disabled meanwhile. Outcomes: delivered | retried | failed | late; `disabled` says why, if it was.
CREATE OR REPLACE FUNCTION settle_delivery(
    p_webhook uuid, p_event uuid, p_attempt int, p_status int, p_reason text, p_is_success boolean, p_is_gone boolean,
    p_retry_seconds double precision, p_most_failures int, p_hours int
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    hook    webhooks := lock_webhook(p_webhook, NULL);
    at      timestamptz := scheduler_clock();
    is_over boolean := p_is_success OR p_is_gone OR p_retry_seconds IS NULL;
    ending  text;
BEGIN
    UPDATE webhook_deliveries
       SET last_status = p_status, last_reason = p_reason, delivered_at = CASE WHEN p_is_success THEN at END,
           failed_at = CASE WHEN is_over AND NOT p_is_success THEN at END,
           next_attempt_at = CASE WHEN NOT is_over THEN at + make_interval(secs => p_retry_seconds) END
     WHERE (webhook_id, event_id) = (hook.id, p_event) AND next_attempt_at IS NOT NULL AND (p_is_success OR attempts = p_attempt);
    IF NOT FOUND THEN
        RETURN jsonb_build_object('outcome', 'late');
    END IF;

    UPDATE webhooks
       SET waiting = waiting - is_over::int, failures_in_row = CASE WHEN p_is_success THEN 0 ELSE failures_in_row + 1 END,
           failing_since = CASE WHEN NOT p_is_success THEN coalesce(failing_since, at) END,
           last_delivered_at = CASE WHEN p_is_success THEN at ELSE last_delivered_at END
     WHERE id = p_webhook
    RETURNING * INTO hook;
    IF p_is_gone THEN
        ending := 'gone';
    ELSIF hook.failures_in_row >= p_most_failures AND hook.failing_since <= at - make_interval(hours => p_hours) THEN
        ending := 'failing';
    END IF;
    IF ending IS NULL THEN
        PERFORM arm_webhook(p_webhook, at + CASE WHEN p_is_success THEN interval '0'
                                                 ELSE make_interval(secs => least(2 ^ least(hook.failures_in_row, 6), 60)) END);
    ELSE
        PERFORM disable_webhook(p_webhook, ending, at);
    END IF;
    RETURN jsonb_build_object('outcome', CASE WHEN p_is_success THEN 'delivered' WHEN is_over THEN 'failed' ELSE 'retried' END,
                              'disabled', ending);
END $$;
