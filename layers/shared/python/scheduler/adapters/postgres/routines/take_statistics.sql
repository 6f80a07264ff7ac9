-- The fleet now, in one row a full hour; the first run of an hour keeps its row. Settles: two runs at once (primary key).
CREATE OR REPLACE FUNCTION take_statistics() RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at      timestamptz := scheduler_clock();
    figures jsonb;
BEGIN
    SELECT jsonb_build_object(
               'devices', count(*), 'running', count(*) FILTER (WHERE status = 'running'),
               'free', count(*) FILTER (WHERE is_free), 'allocated', count(*) FILTER (WHERE active_allocation_id IS NOT NULL),
               'overdue', count(*) FILTER (WHERE busy_until <= at))
      INTO figures FROM devices WHERE life <> 'deleted';
    figures := figures
        || (SELECT jsonb_build_object('granted', coalesce(sum(granted), 0), 'released', coalesce(sum(released), 0),
                                      'expired', coalesce(sum(expired), 0), 'revoked', coalesce(sum(revoked), 0))
              FROM allocation_counters)
        || (SELECT jsonb_build_object('unpublishedEvents', count(*),
                                      'oldestUnpublishedSeconds', coalesce(extract(epoch FROM at - min(occurred_at)), 0))
              FROM outbox WHERE published_at IS NULL);
    INSERT INTO statistics_snapshots (hour, taken_at, figures) VALUES (date_trunc('hour', at), at, figures)
    ON CONFLICT DO NOTHING;
    RETURN figures;
END $$;
