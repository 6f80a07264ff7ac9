-- Take up to p_limit devices out of service that were not recycled in the time they have, the longest overdue first; returns their
-- ids. Settles: sweeps at the same time, and reports that come just then (SKIP LOCKED: what is in other hands is left to the next).
-- Without seqscan: few are recycling, which the planner cannot know.
CREATE OR REPLACE FUNCTION quarantine_unrecycled(p_limit int) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    minutes int := (SELECT recycle_minutes FROM fleet_policy);
    device  text;
BEGIN
    FOR device IN
        SELECT id FROM devices
         WHERE life = 'recycling' AND recycling_since <= scheduler_now() - make_interval(mins => minutes)
         ORDER BY recycling_since LIMIT p_limit FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM write_life(device, 'quarantined', format('Not recycled within %s minutes', minutes));
        RETURN NEXT device;
    END LOOP;
END $$;
