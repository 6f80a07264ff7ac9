-- The longest time that a free device can be had for now, less than asked because it is reserved soon; with half a minute to take
-- it. NULL: none. Of each class the hundred that a claim would prefer are looked at. p_newcomer: as in best_classes.
CREATE OR REPLACE FUNCTION shorter_minutes(
    p_tenant text, p_newcomer text, p_wants device_wants, p_most device_size, p_at timestamptz, p_minutes int
) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT max(offer.minutes)
      FROM fitting_classes(p_tenant, p_wants, p_most) c
     CROSS JOIN LATERAL (
        SELECT max(d.next_reserved_at) AS next_reserved_at
          FROM (SELECT next_reserved_at FROM devices
                 WHERE class_id = c.id AND is_free ORDER BY placement_score DESC LIMIT 100) d
         WHERE d.next_reserved_at < p_at + make_interval(mins => p_minutes)) best
     CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM best.next_reserved_at - p_at - interval '30 seconds') / 60)::int AS minutes) offer
     WHERE offer.minutes > 0
       AND (p_newcomer IS NULL OR NOT is_awaited(p_tenant, p_newcomer, c.id, best.next_reserved_at))
$$;
