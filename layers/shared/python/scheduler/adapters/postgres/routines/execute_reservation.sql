-- Begin a reservation whose time has come, or fail it and say why. Settles: two runs at once, cancels and changes (everything is
-- asked again under usage row, device and reservation), a dead or taken device (another takes its place in the same call).
-- Outcomes: executed | failed | not_due, or worth_retrying before the last attempt, as in claim_device. Without seqscan: as there.
CREATE OR REPLACE FUNCTION execute_reservation(p_id uuid, p_terms quota_terms, p_last_attempt boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    r       reservations := lock_reservation(NULL, NULL, p_id);
    at      timestamptz := scheduler_clock();
    held    quota_usage;
    refusal text;
    most    device_size;
    device  devices;
    answer  jsonb;
BEGIN
    IF r.id IS NULL OR r.status <> 'pending' OR r.starts_at > at OR r.ends_at <= at THEN
        RETURN jsonb_build_object('outcome', 'not_due');
    END IF;
    held := lock_usage(r.tenant_id, r.user_id);
    refusal := quota_refusal(held, p_terms, at);
    IF refusal IS NULL THEN
        most := quota_ceiling(held, p_terms);
        device := executable_device(r, most, p_last_attempt);
        IF device.id IS NOT NULL THEN
            answer := begin_reservation(r, device, held, p_terms);
        END IF;
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
        refusal := too_big_refusal(r.tenant_id, reservation_wants(r), most);
    END IF;

    IF NOT p_last_attempt AND worth_retrying(r.tenant_id, r.user_id, reservation_wants(r), most, refusal) THEN
        RETURN jsonb_build_object('outcome', 'worth_retrying');
    ELSIF is_held_up(r, refusal, at) THEN
        RETURN jsonb_build_object('outcome', 'not_due');  -- the next run comes to it
    END IF;
    r := end_reservation(r, 'failed', coalesce(refusal, 'No device that fits is free'));
    RETURN reservation_facts(r) || jsonb_build_object('outcome', 'failed');
END $$;
