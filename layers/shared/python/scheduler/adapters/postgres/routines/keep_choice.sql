-- Keep how a device was chosen beside the grant that has just been written: decision says by which strategy and model
-- already. NULL: nothing was weighed.
CREATE OR REPLACE FUNCTION keep_choice(p_granted jsonb, p_choice jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_choice IS NOT NULL THEN
        UPDATE device_allocations SET decision = decision || p_choice WHERE id = (p_granted ->> 'allocationId')::uuid;
    END IF;
END $$;
