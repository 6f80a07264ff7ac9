-- What the past teaches, learned anew by the first who asks when it is older than ten minutes. Settles: many who ask at once (one
-- learns, the others take what is there).
CREATE OR REPLACE FUNCTION learn_outlook() RETURNS outlook_lessons LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    lessons outlook_lessons;
    at      timestamptz;
BEGIN
    at := scheduler_clock();
    SELECT * INTO lessons FROM outlook_lessons WHERE learned_at < at - interval '10 minutes' FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE outlook_lessons SET learned_at = at, endings = recent_endings(at), ratios = recent_ratios(at)
        RETURNING * INTO lessons;
    ELSE
        SELECT * INTO lessons FROM outlook_lessons;
    END IF;
    RETURN lessons;
END $$;
