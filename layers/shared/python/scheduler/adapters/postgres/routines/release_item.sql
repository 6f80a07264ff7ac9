-- End one allocation of a batch, whose rows are locked before and which is counted later. ended: what was ended, if anything.
-- Outcomes: released | expired | not_found (another's is not seen) | not_active.
CREATE OR REPLACE FUNCTION release_item(
    p_tenant text, p_id uuid, p_locked uuid[], p_at timestamptz, OUT facts jsonb, OUT ended device_allocations
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    target device_allocations;
BEGIN
    SELECT * INTO target FROM device_allocations WHERE id = p_id AND tenant_id = coalesce(p_tenant, tenant_id);
    IF target.id IS NULL OR (target.status = 'allocated' AND p_id <> ALL (p_locked)) THEN  -- not there when we locked
        facts := jsonb_build_object('outcome', 'not_found');
    ELSIF target.status <> 'allocated' THEN
        facts := jsonb_build_object('outcome', 'not_active');
    ELSE
        ended := end_allocation(target, 'released', p_at);
        facts := end_facts(ended);
    END IF;
END $$;
