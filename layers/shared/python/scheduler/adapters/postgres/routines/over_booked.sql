-- The facts of a booking that the quota refuses, with how many more devices could be reserved for that window.
CREATE OR REPLACE FUNCTION over_booked(planned quota_usage, terms quota_terms, p_reason text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('outcome', 'over_quota', 'reason', p_reason,
                              'remainingDevices', remaining_devices(planned, terms))
$$;
