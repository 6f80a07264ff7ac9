-- Users as events from outside tell of them: their standing, and limits that were lowered just now.

CREATE TABLE user_standing (
    tenant_id     varchar(255) NOT NULL,
    user_id       varchar(255) NOT NULL,
    suspended_at  timestamptz,
    deleted_at    timestamptz,
    activated_at  timestamptz,
    overdue_at    timestamptz,
    paid_at       timestamptz,
    quota_told_at timestamptz,
    quota_told_by varchar(255),
    PRIMARY KEY (tenant_id, user_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE user_standing IS 'When each thing was told of a user last, whatever came first: what stands follows from the times alone';
COMMENT ON COLUMN user_standing.activated_at IS 'Lifts a suspension or deletion that is older';
COMMENT ON COLUMN user_standing.paid_at IS 'Settles debts and failed payments that are not newer';
COMMENT ON COLUMN user_standing.quota_told_by IS 'The event that told the newest limits: only it ends what exceeds them';

CREATE TABLE payment_failures (
    tenant_id varchar(255) NOT NULL,
    user_id   varchar(255) NOT NULL,
    event_id  varchar(255) NOT NULL,
    failed_at timestamptz  NOT NULL,
    PRIMARY KEY (tenant_id, user_id, event_id)
);
COMMENT ON TABLE payment_failures IS 'Failed payments since the last that went through, the newest three of a user: a row an event, however often it comes';

ALTER TABLE quota_usage
    ADD COLUMN blocked_reason varchar(100),
    ADD COLUMN known_limits   quota_terms;
COMMENT ON COLUMN quota_usage.blocked_reason IS 'Why she is blocked, as refusals tell';
COMMENT ON COLUMN quota_usage.known_limits IS 'Limits told by an event; until valid_until they count beside a quota document, which may be older';

ALTER TABLE quotas
    ALTER COLUMN plan_name DROP NOT NULL,
    ADD COLUMN limits jsonb CHECK (jsonb_typeof(limits) = 'object');
COMMENT ON COLUMN quotas.plan_name IS 'NULL: the default plan';
COMMENT ON COLUMN quotas.limits IS 'Limits of her own in place of the plan''s, by their names in a quota document; -1: none';

-- The row has more columns from here on than this routine gave before, and bookings go on: at once, not with the routines.
CREATE OR REPLACE FUNCTION booking_usage(held quota_usage, p_starts timestamptz, p_ends timestamptz, p_except uuid)
RETURNS quota_usage LANGUAGE plpgsql STABLE AS $$
BEGIN
    held.devices := (
        WITH mine AS (
            SELECT greatest(r.starts_at, p_starts) AS starts_at, r.ends_at FROM reservations r
             WHERE r.user_id = held.user_id AND r.tenant_id = held.tenant_id AND r.status IN ('pending', 'executing')
               AND r.starts_at > p_starts - interval '24 hours' AND r.starts_at < p_ends AND r.ends_at > p_starts
               AND r.id IS DISTINCT FROM p_except)
        SELECT coalesce(max(covering.devices), 0)
          FROM (SELECT (SELECT count(*) FROM mine other
                         WHERE other.starts_at <= one.starts_at AND other.ends_at > one.starts_at) AS devices
                  FROM mine one) covering);
    held.cpu_cores := 0;
    held.memory_mb := 0;
    held.storage_mb := 0;
    RETURN held;
END $$;
