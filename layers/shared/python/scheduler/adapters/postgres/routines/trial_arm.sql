-- Draw by which arm of a trial a request is lent: "canary" by the learned strategy, "control" as ever, "shadow" as ever too, with a note
-- of what would have been lent. NULL: the trial rests, because something speaks against its model.
CREATE OR REPLACE FUNCTION trial_arm(p_strategy placement_strategy) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN p_strategy.because IS NOT NULL OR p_strategy.terms IS NULL THEN NULL
        WHEN p_strategy.trial_share = 0 THEN 'shadow'
        WHEN random() < p_strategy.trial_share THEN 'canary'
        ELSE 'control'
    END
$$;
