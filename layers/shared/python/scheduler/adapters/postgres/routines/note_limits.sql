-- Take over the limits that an event tells of a user. From here on claims obey them, even those that hold an older quota document: for
-- as long as one may be kept, and a little more. p_own: her limits in the built-in quotas; NULL: a user service has them. Settles: the
-- same event twice at once (its mark in the inbox), events and claims of one user (her usage row). Outcomes: fresh | applied | stale.
CREATE OR REPLACE FUNCTION note_limits(p_event text, p_at timestamptz, p_tenant text, p_user text, p_limits quota_terms, p_own jsonb)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO inbox (consumer, event_id, received_at) VALUES ('consume', p_event, scheduler_clock()) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'applied';
    END IF;
    PERFORM lock_usage(p_tenant, p_user);
    INSERT INTO user_standing AS s (tenant_id, user_id, quota_told_at, quota_told_by)
    VALUES (p_tenant, p_user, p_at, p_event)
    ON CONFLICT (tenant_id, user_id) DO UPDATE
       SET quota_told_at = excluded.quota_told_at, quota_told_by = excluded.quota_told_by
     WHERE s.quota_told_at IS NULL OR (s.quota_told_at, s.quota_told_by) < (excluded.quota_told_at, excluded.quota_told_by);
    IF NOT FOUND THEN
        RETURN 'stale';
    END IF;

    p_limits.valid_until := scheduler_clock() + interval '70 seconds';
    UPDATE quota_usage SET known_limits = p_limits WHERE (tenant_id, user_id) = (p_tenant, p_user);
    IF p_own IS NOT NULL THEN
        INSERT INTO quotas (tenant_id, user_id, limits, updated_at) VALUES (p_tenant, p_user, p_own, scheduler_clock())
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET limits = excluded.limits, updated_at = excluded.updated_at;
    END IF;
    RETURN 'fresh';
END $$;
