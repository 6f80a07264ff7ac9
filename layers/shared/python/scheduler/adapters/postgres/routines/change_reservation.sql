-- Change the named columns of a pending reservation; another window or other specs may bring another device. Settles: a change
-- against bookings, claims and the start (usage row, device and reservation are locked). Outcomes: changed | wrong_start |
-- over_quota | reservation_conflict | reservation_not_found | reservation_not_pending. Without seqscan: see claim_device.
CREATE OR REPLACE FUNCTION change_reservation(
    p_tenant text, p_user text, p_id uuid, p_changes jsonb, p_terms quota_terms
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    was    reservations := lock_reservation(p_tenant, p_user, p_id);
    wish   reservations := jsonb_populate_record(was, p_changes);
    answer jsonb;
BEGIN
    IF was.id IS NULL THEN
        RETURN jsonb_build_object('outcome', 'reservation_not_found');
    ELSIF was.status <> 'pending' THEN
        RETURN jsonb_build_object('outcome', 'reservation_not_pending');
    END IF;
    wish.ends_at := wish.starts_at + make_interval(mins => wish.duration_minutes);
    IF (wish.starts_at, wish.ends_at) IS DISTINCT FROM (was.starts_at, was.ends_at)
       OR reservation_wants(wish) IS DISTINCT FROM reservation_wants(was) THEN
        answer := refit_reservation(wish, p_terms);
        IF answer ->> 'outcome' <> 'fits' THEN
            RETURN answer;
        END IF;
    END IF;
    was := rebind_reservation(was, wish, coalesce(answer ->> 'deviceId', was.device_id));
    RETURN jsonb_build_object('outcome', 'changed', 'reservation', reservation_facts(was));
END $$;
