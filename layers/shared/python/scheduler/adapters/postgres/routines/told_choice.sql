-- How a device was chosen, as it is told beside the decision that says by which strategy is lent: a canary is lent by the learned one
-- whatever that says. Nothing, where nothing was weighed.
CREATE OR REPLACE FUNCTION told_choice(p_weighed weighed_choice) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_weighed IS NULL THEN '{}' ELSE jsonb_strip_nulls(jsonb_build_object(
        'trial', p_weighed.trial, 'strategy', CASE p_weighed.trial WHEN 'canary' THEN 'smart' END, 'modelVersion', p_weighed.model,
        'explored', p_weighed.explored, 'rank', p_weighed.rank, 'propensity', p_weighed.propensity, 'wouldLend', p_weighed.would_lend,
        'expectedHours', p_weighed.hours,
        'heads', (SELECT jsonb_agg(jsonb_build_object('deviceId', h.id, 'cost', h.cost) ORDER BY h.place)
                    FROM unnest(p_weighed.ids, p_weighed.costs) WITH ORDINALITY h (id, cost, place)))) END
$$;
