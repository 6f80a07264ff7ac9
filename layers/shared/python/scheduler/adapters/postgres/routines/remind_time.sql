-- When the reminder of a reservation is due; NULL: none is wished.
CREATE OR REPLACE FUNCTION remind_time(r reservations) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN r.remind_before_minutes > 0 THEN r.starts_at - make_interval(mins => r.remind_before_minutes) END
$$;
