-- Have free devices be lent in the order of a strategy; scores follow by rescore_next. p_by: the operator who chooses; NULL: the
-- deployment does, which no operator's choice gives way to. p_trial: the share of requests on which the learned one is tried beside it;
-- NULL: none. The learned one is followed, or tried, once follow_model finds that it may be. Settles:
-- two choices at once (the row's lock; the later one stands), a choice against a batch under way (the second row's lock: the next batch
-- begins anew, by the new strategy).
CREATE OR REPLACE FUNCTION choose_strategy(p_name text, p_trial float, p_by text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before  placement_strategy;
    follows text;
    at      timestamptz;
BEGIN
    SELECT * INTO before FROM placement_strategy FOR UPDATE;
    IF p_by IS NULL AND before.chosen_by IS NOT NULL THEN
        RETURN;
    END IF;
    at := scheduler_clock();
    follows := CASE p_name WHEN 'smart' THEN before.name ELSE p_name END;
    UPDATE placement_strategy
       SET name = follows, chosen = CASE p_name WHEN 'smart' THEN p_name END, because = CASE p_name WHEN chosen THEN because END,
           terms = CASE WHEN p_trial IS NULL THEN terms END, trial_share = p_trial, chosen_by = p_by, changed_at = at
     WHERE (coalesce(chosen, name), trial_share, chosen_by) IS DISTINCT FROM (p_name, p_trial, p_by);
    IF before.name <> follows THEN
        PERFORM begin_rescoring(at);
    END IF;
END $$;
