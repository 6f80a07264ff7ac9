-- Keep a batch of appraisals and the mark after it ('' ends a round), and where the learned strategy is followed the scores of devices
-- that moved by more than a hundredth. Settles: two that appraise the same (the mark is moved from where it was read: the later one is
-- told false and keeps nothing), a strategy that changes meanwhile (its row, shared: a rescoring comes after this), claims (a device that
-- is being taken is skipped, and has its score the next time).
CREATE OR REPLACE FUNCTION keep_appraisals(p_after text, p_last text, p_appraisals jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    ids text[] := ARRAY(SELECT e.value ->> 'device_id' FROM jsonb_array_elements(p_appraisals) e);
BEGIN
    UPDATE placement_learning SET appraised_id = p_last WHERE appraised_id = p_after;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO placement_appraisals AS a
    SELECT given.* FROM jsonb_populate_recordset(NULL::placement_appraisals, p_appraisals) given ORDER BY given.device_id
    ON CONFLICT (device_id) DO UPDATE
       SET hazard = excluded.hazard, drawn = excluded.drawn, failure = excluded.failure, start = excluded.start,
           wear = excluded.wear, fit = excluded.fit, score = excluded.score;
    PERFORM FROM placement_strategy WHERE name = 'smart' FOR SHARE;
    IF FOUND THEN
        UPDATE devices d SET placement_score = moved.score
          FROM (SELECT f.id, a.score FROM placement_appraisals a JOIN devices f ON f.id = a.device_id
                 WHERE a.device_id = ANY (ids) AND abs(f.placement_score - a.score) > abs(a.score) / 100
                   FOR UPDATE OF f SKIP LOCKED) moved
         WHERE d.id = moved.id;
    END IF;
    RETURN true;
END $$;
