-- Keep what a lesson taught: records, uses of tenants (in p_last), what is watched, and up to where. Settles: two that learn the
-- same lesson (the mark is moved from where it was read, under its lock: the later one is told false and keeps nothing), and a
-- model that is published meanwhile; killed half-way, nothing is kept.
CREATE OR REPLACE FUNCTION keep_lesson(
    p_from jsonb, p_last jsonb, p_model text, p_records jsonb, p_watched jsonb
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM placement_learning FOR UPDATE;
    IF NOT EXISTS (SELECT FROM placement_models WHERE is_active AND name = p_model) THEN
        RETURN false;
    END IF;
    UPDATE placement_learning
       SET ended_at = (p_last ->> 'endedAt')::timestamptz, ended_id = (p_last ->> 'endedId')::uuid, watched = p_watched,
           sessions = sessions + (p_last ->> 'sessions')::int, trial = coalesce(p_last -> 'trial', trial)
     WHERE (ended_at, ended_id) = ((p_from ->> 'endedAt')::timestamptz, (p_from ->> 'endedId')::uuid);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO placement_records AS k
    SELECT given.* FROM jsonb_populate_recordset(NULL::placement_records, p_records) given ORDER BY given.scope, given.id
    ON CONFLICT (scope, id) DO UPDATE
       SET failed = excluded.failed, at_risk = excluded.at_risk, starts = excluded.starts, start_seconds = excluded.start_seconds,
           used_hours = excluded.used_hours, as_of = excluded.as_of;
    INSERT INTO placement_uses AS k
    SELECT given.* FROM jsonb_populate_recordset(NULL::placement_uses, p_last -> 'uses') given ORDER BY given.tenant_id, given.step
    ON CONFLICT (tenant_id, step) DO UPDATE
       SET sessions = excluded.sessions, shares = excluded.shares, as_of = excluded.as_of, share = excluded.share;
    RETURN true;
END $$;
