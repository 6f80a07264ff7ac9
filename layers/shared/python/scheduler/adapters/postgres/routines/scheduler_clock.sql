-- The only clock of the routines. Test and simulator databases replace it by one with a settable offset.
CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT clock_timestamp()
$$;
