-- Have free devices be lent in the order of a strategy; scores follow by rescore_next. p_by: the operator who chooses; NULL: the
-- deployment does, which no operator's choice gives way to. Settles: two choices at once (the row's lock; the later one stands),
-- a choice against a batch under way (the second row's lock: the next batch begins anew, by the new strategy).
CREATE OR REPLACE FUNCTION choose_strategy(p_name text, p_by text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before placement_strategy;
    at     timestamptz;
BEGIN
    SELECT * INTO before FROM placement_strategy FOR UPDATE;
    IF p_by IS NULL AND before.chosen_by IS NOT NULL THEN
        RETURN;
    END IF;
    at := scheduler_clock();
    UPDATE placement_strategy SET name = p_name, chosen_by = p_by, changed_at = at
     WHERE (name, chosen_by) IS DISTINCT FROM (p_name, p_by);
    IF before.name <> p_name THEN
        UPDATE placement_rescoring
           SET after_id = '', rescored = 0, total = (SELECT count(*) FROM devices), started_at = at, done_at = NULL;
    END IF;
END $$;
