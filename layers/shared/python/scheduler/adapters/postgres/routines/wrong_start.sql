-- Why these starts cannot be booked now, as facts: each lies in the future and at most 90 days ahead. NULL: they can.
CREATE OR REPLACE FUNCTION wrong_start(p_starts timestamptz[], p_at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('outcome', 'wrong_start', 'detail', wrong.detail || wire_time(wrong.starts_at))
      FROM (SELECT s.starts_at,
                   CASE WHEN s.starts_at <= p_at THEN 'must be in the future: '
                        WHEN s.starts_at > p_at + interval '90 days' THEN 'must be at most 90 days ahead: ' END AS detail
              FROM unnest(p_starts) s (starts_at)) wrong
     WHERE wrong.detail IS NOT NULL ORDER BY wrong.starts_at LIMIT 1
$$;
