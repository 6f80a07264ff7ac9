-- Cancel a pending reservation. Settles: a cancel against the start (the reservation is asked again under its locks).
-- Outcomes: cancelled | reservation_not_found | reservation_not_pending.
CREATE OR REPLACE FUNCTION cancel_reservation(p_tenant text, p_user text, p_id uuid, p_key request_key) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer jsonb;
    target reservations;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    target := lock_reservation(p_tenant, p_user, p_id);
    IF target.id IS NULL THEN
        answer := jsonb_build_object('outcome', 'reservation_not_found');
    ELSIF target.status <> 'pending' THEN
        answer := jsonb_build_object('outcome', 'reservation_not_pending');
    ELSE
        target := end_reservation(target, 'cancelled', NULL);
        answer := jsonb_build_object('outcome', 'cancelled', 'reservation', reservation_facts(target));
    END IF;
    RETURN close_request(p_key, answer);
END $$;
