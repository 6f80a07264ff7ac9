-- The trial of the learned strategy that is under way: since when, and how its sessions ended so far, by arm; what was learned of one
-- before is not of this. NULL: it is not tried.
CREATE OR REPLACE FUNCTION trial_now(p_learning placement_learning) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
               'from', wire_time(s.changed_at),
               'arms', CASE p_learning.trial ->> 'from' WHEN wire_time(s.changed_at) THEN p_learning.trial -> 'arms' ELSE '{}' END)
      FROM placement_strategy s WHERE s.trial_share IS NOT NULL
$$;
