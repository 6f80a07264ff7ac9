-- Keep how a device was chosen, or would have been, beside the grant that has just been written: decision says by which strategy is
-- lent already. NULL: nothing was weighed, and no trial is under way.
CREATE OR REPLACE FUNCTION keep_choice(p_granted jsonb, p_choice jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_choice <> '{}' THEN
        UPDATE device_allocations SET decision = decision || p_choice WHERE id = (p_granted ->> 'allocationId')::uuid;
    END IF;
END $$;
