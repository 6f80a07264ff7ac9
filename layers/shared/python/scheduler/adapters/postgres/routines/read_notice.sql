-- Mark a notice as read by its user (p_tenant NULL: an operator's call; p_user NULL: a service's); it keeps the time of the first
-- reading. Outcomes: read | notification_not_found.
CREATE OR REPLACE FUNCTION read_notice(p_tenant text, p_user text, p_id uuid, p_key request_key) RETURNS jsonb
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
    UPDATE notifications SET read_at = coalesce(read_at, scheduler_clock())
     WHERE id = p_id AND tenant_id = coalesce(p_tenant, tenant_id) AND user_id = coalesce(p_user, user_id);
    RETURN close_request(p_key, jsonb_build_object('outcome', CASE WHEN FOUND THEN 'read' ELSE 'notification_not_found' END));
END $$;
