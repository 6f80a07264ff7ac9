-- The weighed heads as they are kept beside a grant: the best by score first, each with the cost that the request saw in it.
CREATE OR REPLACE FUNCTION told_heads(p_heads weighed_head[], p_explores boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('heads', coalesce(jsonb_agg(jsonb_build_object(
               'deviceId', h.id, 'cost', CASE WHEN p_explores THEN h.drawn_cost ELSE h.cost END) ORDER BY h.place), '[]'))
      FROM unnest(p_heads) h
$$;
