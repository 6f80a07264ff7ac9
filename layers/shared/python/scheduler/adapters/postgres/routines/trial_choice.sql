-- Draw by which arm of a trial a request is lent, to be kept with its grant: "canary" by the learned strategy, "control" as ever,
-- "shadow" as ever too, with a note of what would have been lent. Empty: the learned one is followed anyway. NULL: the trial rests,
-- because something speaks against its model.
CREATE OR REPLACE FUNCTION trial_choice(p_strategy placement_strategy) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN p_strategy.name = 'smart' THEN '{}'
        WHEN p_strategy.because IS NOT NULL OR p_strategy.terms IS NULL THEN NULL
        WHEN p_strategy.trial_share = 0 THEN jsonb_build_object('trial', 'shadow', 'modelVersion', p_strategy.terms -> 'model')
        WHEN random() < p_strategy.trial_share
            THEN jsonb_build_object('trial', 'canary', 'strategy', 'smart', 'modelVersion', p_strategy.terms -> 'model')
        ELSE '{"trial": "control"}'
    END
$$;
