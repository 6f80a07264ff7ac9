-- What the learned strategy would have lent of the heads that it weighed, if any, beside what was lent: nothing is locked for it.
CREATE OR REPLACE FUNCTION shadow_choice(p_heads weighed_head[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT told_heads(p_heads, false) || jsonb_build_object(
        'wouldLend', (SELECT h.id FROM unnest(p_heads) h ORDER BY h.cost, h.place LIMIT 1))
$$;
