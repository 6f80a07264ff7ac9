-- Keep a greeting for one enabled webhook, whatever types it wants; one that waits already is the same. Outcomes: pinged |
-- webhook_disabled | webhook_not_found.
CREATE OR REPLACE FUNCTION ping_webhook(p_webhook uuid, p_tenant text, p_key request_key) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    kind   text := 'scheduler.webhook.ping';
    answer jsonb;
    hook   webhooks;
    event  uuid;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    hook := lock_webhook(p_webhook, p_tenant);
    IF hook.id IS NULL THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'webhook_not_found'));
    ELSIF hook.status = 'disabled' THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'webhook_disabled'));
    END IF;

    SELECT event_id INTO event FROM webhook_deliveries
     WHERE webhook_id = p_webhook AND next_attempt_at IS NOT NULL AND type = kind LIMIT 1;
    IF event IS NULL THEN
        event := gen_random_uuid();
        PERFORM keep_delivery(hook.id, event, kind, jsonb_build_object(
            'specversion', '1.0', 'id', event, 'type', kind, 'source', '/scheduler', 'subject', hook.id,
            'time', wire_time(scheduler_clock()), 'datacontenttype', 'application/json',
            'data', jsonb_build_object('webhookId', hook.id, 'tenantId', hook.tenant_id))::text);
    END IF;
    RETURN close_request(p_key, jsonb_build_object('outcome', 'pinged', 'eventId', event));
END $$;
