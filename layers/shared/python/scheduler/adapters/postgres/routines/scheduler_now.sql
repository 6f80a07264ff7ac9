-- The clock, read once for a search condition, so that an index can serve it (a volatile call is asked again for every row).
-- Never for a stamp or a decision: those follow their locks.
CREATE OR REPLACE FUNCTION scheduler_now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN scheduler_clock();
END $$;
