-- Lend the best free device that fits to one user, or say why not, with the event of either (p_waits: she joins the queue when none is
-- free, and her join tells instead). Settles: users racing for devices (SKIP LOCKED), one user racing with herself (her usage row),
-- bookings (next_reserved_at on the device's own row), newcomers against those who wait (newcomer: her name when anybody waits), the
-- same request twice (its key). Outcomes: granted | over_quota | none_free, or worth_retrying before the last attempt: overdue ones would
-- help, or somebody holds a device that she may yet give up. Without seqscan: a session keeps the plans of small tables.
CREATE OR REPLACE FUNCTION claim_device(
    p_tenant text, p_user text, p_wants device_wants, p_terms quota_terms, p_minutes int, p_metadata jsonb,
    p_key request_key, p_last_attempt boolean, p_waits boolean
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    answer  jsonb;
    held    quota_usage;
    refusal text;
    most    device_size;
    until   timestamptz;
    newcomer text;
    device  devices;
    taken   weighed_device;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    held := lock_usage(p_tenant, p_user);
    refusal := quota_refusal(held, p_terms, scheduler_clock());
    IF refusal IS NULL THEN
        most := quota_ceiling(held, p_terms);
        until := scheduler_clock() + make_interval(mins => p_minutes);
        newcomer := CASE WHEN somebody_waits() THEN p_user END;
        IF (SELECT name = 'smart' OR trial_share IS NOT NULL FROM placement_strategy) THEN
            taken := take_weighed_device(p_tenant, p_user, newcomer, p_wants, most, until, p_minutes);
        END IF;
        device := coalesce(taken.device, take_free_device(p_tenant, newcomer, p_wants, most, until));
        IF device.id IS NULL AND p_last_attempt THEN
            device := await_free_device(p_tenant, newcomer, p_wants, most, until);
        END IF;
        IF device.id IS NOT NULL AND (newcomer IS NULL
                                      OR NOT is_awaited(p_tenant, newcomer, device.class_id, device.next_reserved_at)) THEN
            answer := lend_device(device, held, p_terms, p_minutes, p_metadata, p_wants, taken.weighed);
        END IF;
        IF answer IS NOT NULL THEN
            PERFORM count_allocations(p_tenant, 1, 0, 0, 0);
            RETURN close_request(p_key, answer);
        END IF;
        refusal := too_big_refusal(p_tenant, p_wants, most);
    END IF;

    IF NOT p_last_attempt AND worth_retrying(p_tenant, p_user, p_wants, most, refusal) THEN
        RETURN forget_request(p_key, jsonb_build_object('outcome', 'worth_retrying'));
    END IF;
    answer := CASE WHEN refusal IS NULL AND p_waits THEN jsonb_build_object('outcome', 'none_free')
                   ELSE refuse_claim(held, p_terms, refusal) END;
    IF refusal IS NULL THEN
        RETURN forget_request(p_key, answer || alternatives(p_tenant, p_user, newcomer, p_wants, most, p_minutes));
    END IF;
    RETURN close_request(p_key, answer);
END $$;
