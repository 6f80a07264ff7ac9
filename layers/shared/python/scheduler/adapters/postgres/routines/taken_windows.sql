-- Live reservations of fitting devices that overlap a window, of all tenants, at most a hundred: when, and the id by which a caller
-- finds those that are its own; of others it is told the times only.
CREATE OR REPLACE FUNCTION taken_windows(p_pool text, p_wants device_wants, p_starts timestamptz, p_ends timestamptz)
RETURNS TABLE (reservation_id uuid, starts_at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT l.id, l.starts_at, l.ends_at
      FROM fitting_classes(p_pool, p_wants, NULL) c
      JOIN devices d ON d.class_id = c.id AND d.status = 'running' AND d.life = 'in_service'
      JOIN reservations l ON l.device_id = d.id AND l.status IN ('pending', 'executing')
                         AND l.during && tstzrange(p_starts, p_ends)
     LIMIT 100
$$;
