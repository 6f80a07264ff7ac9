-- Seconds until the next thing that dispatch does on time: a reservation begins, a wait is over, or, while anybody waits, an
-- allocation ends. NULL: nothing is to come. What is due already is not counted: it was worked on just now.
CREATE OR REPLACE FUNCTION seconds_until_due() RETURNS double precision LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT extract(epoch FROM min(due.at) - scheduler_now())::double precision
      FROM ((SELECT starts_at AS at FROM reservations WHERE status = 'pending' AND starts_at > scheduler_now()
              ORDER BY starts_at LIMIT 1)
            UNION ALL
            (SELECT expires_at FROM queue_entries WHERE status = 'waiting' AND expires_at > scheduler_now()
              ORDER BY expires_at LIMIT 1)
            UNION ALL
            (SELECT expires_at FROM device_allocations WHERE status = 'allocated' AND expires_at > scheduler_now()
                AND EXISTS (SELECT FROM queue_entries WHERE status = 'waiting')
              ORDER BY expires_at LIMIT 1)) due
$$;
