-- Take a user out of the line (p_tenant NULL: an operator's call; p_user NULL: a service's). Settles: cancelling against being
-- served or timing out (her usage row first, then the entry, read again). Outcomes: cancelled | entry_not_found | not_waiting.
CREATE OR REPLACE FUNCTION cancel_wait(p_tenant text, p_user text, p_entry uuid, p_key request_key) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer jsonb;
    entry  queue_entries;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    SELECT * INTO entry FROM queue_entries
     WHERE id = p_entry AND tenant_id = coalesce(p_tenant, tenant_id) AND user_id = coalesce(p_user, user_id);
    IF entry.id IS NULL THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'entry_not_found'));
    END IF;
    PERFORM lock_usage(entry.tenant_id, entry.user_id);
    entry := lock_wait(p_entry);
    IF entry.status IS DISTINCT FROM 'waiting' THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'not_waiting'));
    END IF;
    PERFORM end_wait(entry, 'cancelled', scheduler_clock());
    RETURN close_request(p_key, jsonb_build_object('outcome', 'cancelled', 'entryId', p_entry));
END $$;
