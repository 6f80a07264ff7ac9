-- End one active allocation for an operator. Settles: as revoke_user. Outcomes: revoked | expired (its time was over) | not_found |
-- not_active.
CREATE OR REPLACE FUNCTION revoke_allocation(p_allocation uuid, p_reason text, p_key request_key) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    answer jsonb;
    target device_allocations;
    ended  device_allocations;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    SELECT * INTO target FROM device_allocations WHERE id = p_allocation;
    SELECT * INTO ended FROM revoke_user(target.tenant_id, target.user_id, ARRAY[target.id], p_reason, 1)
     WHERE target.status = 'allocated';
    RETURN close_request(p_key, CASE
        WHEN target.id IS NULL THEN jsonb_build_object('outcome', 'not_found')
        WHEN ended.id IS NULL THEN jsonb_build_object('outcome', 'not_active')
        ELSE end_facts(ended) END);
END $$;
