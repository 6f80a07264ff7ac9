-- Make the scores of the next batch of devices follow the strategy, from where the last one ended; true: none is left. Settles:
-- two that do so at once, and a new choice meanwhile (both wait for the row; the strategy is read after that); killed half-way, a
-- batch and its mark are undone together, and the next call does it again.
CREATE OR REPLACE FUNCTION rescore_next(p_limit int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    progress placement_rescoring;
    last     text;
    seen     int;
BEGIN
    SELECT * INTO progress FROM placement_rescoring FOR UPDATE;
    IF progress.started_at IS NULL OR progress.done_at IS NOT NULL THEN
        RETURN true;
    END IF;
    last := rescore_devices((SELECT name FROM placement_strategy), progress.after_id, p_limit);
    seen := (SELECT count(*) FROM devices WHERE id > progress.after_id AND id <= last);
    UPDATE placement_rescoring
       SET after_id = coalesce(last, after_id), rescored = rescored + seen, total = greatest(total, rescored + seen),
           done_at = CASE WHEN last IS NULL THEN greatest(scheduler_clock(), started_at) END;
    RETURN last IS NULL;
END $$;
