-- Keep what was asked of the device beside a grant that has just been written, for a failover to fit. Nothing asked: nothing written.
CREATE OR REPLACE FUNCTION keep_wants(p_granted jsonb, p_wants device_wants) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT p_wants IS NULL THEN  -- some member is not NULL
        UPDATE device_allocations SET wants = p_wants WHERE id = (p_granted ->> 'allocationId')::uuid;
    END IF;
END $$;
