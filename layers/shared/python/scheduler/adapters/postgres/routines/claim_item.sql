-- One item of a batch: what claim_device does at its last attempt, with the usage row locked before and the grant counted later.
-- p_patient: wait a moment for devices that others are taking, and if that is in vain tell alternatives. Outcomes: granted |
-- over_quota | none_free.
CREATE OR REPLACE FUNCTION claim_item(
    p_tenant text, p_user text, p_wants device_wants, p_terms quota_terms, p_minutes int, p_metadata jsonb, p_patient boolean
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held     quota_usage := lock_usage(p_tenant, p_user);  -- as the items before left it
    refusal  text := quota_refusal(held, p_terms, scheduler_clock());
    most     device_size;
    until    timestamptz;
    newcomer text;
    device   devices;
    facts    jsonb;
BEGIN
    IF refusal IS NULL THEN
        most := quota_ceiling(held, p_terms);
        until := scheduler_clock() + make_interval(mins => p_minutes);
        newcomer := CASE WHEN somebody_waits() THEN p_user END;
        device := take_free_device(p_tenant, newcomer, p_wants, most, until);
        IF device.id IS NULL AND p_patient THEN
            device := await_free_device(p_tenant, newcomer, p_wants, most, until);
        END IF;
        IF device.id IS NOT NULL AND (newcomer IS NULL
                                      OR NOT is_awaited(p_tenant, newcomer, device.class_id, device.next_reserved_at)) THEN
            facts := lend_device(device, held, p_terms, p_minutes, p_metadata, p_wants);
        END IF;
        IF facts IS NOT NULL THEN
            RETURN facts;
        END IF;
        refusal := too_big_refusal(p_tenant, p_wants, most);
    END IF;
    facts := refuse_claim(held, p_terms, refusal);
    IF refusal IS NULL AND p_patient THEN
        facts := facts || alternatives(p_tenant, p_user, newcomer, p_wants, most, p_minutes);
    END IF;
    RETURN facts;
END $$;
