-- Become or stay the one holder of a lease for p_seconds; false while another holds it. Settles: two runs of one job.
CREATE OR REPLACE FUNCTION acquire_lease(p_name text, p_holder text, p_seconds double precision) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz := scheduler_clock();
BEGIN
    INSERT INTO leases AS l (name, holder, held_until) VALUES (p_name, p_holder, at + make_interval(secs => p_seconds))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
     WHERE l.holder = excluded.holder OR l.held_until <= at;
    RETURN FOUND;
END $$;
