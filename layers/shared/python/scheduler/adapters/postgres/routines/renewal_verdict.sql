-- Whether an active allocation may be renewed by so many minutes at an instant, by the first rule that refuses, and what would be
-- possible: the one place that decides, for the renewal and for the look ahead. Called with the rows locked, or for the look
-- ahead as they are. maxAdditionalMinutes is what one renewal may add, now or at nextRenewalAt; 0: never again.
CREATE OR REPLACE FUNCTION renewal_verdict(
    a device_allocations, d devices, held quota_usage, p_terms renewal_terms, p_minutes int, p_at timestamptz
) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    renewals_left  int := p_terms.max_count - a.renewal_count;
    total_left     int := p_terms.max_total_minutes - a.duration_minutes - a.renewed_minutes;
    until_reserved int := floor(extract(epoch FROM d.next_reserved_at - least(a.expires_at, d.next_reserved_at)) / 60);
    cooled_at      timestamptz := a.last_renewed_at + make_interval(secs => p_terms.cooldown_seconds);
    opens_at       timestamptz := a.expires_at - make_interval(mins => p_terms.window_minutes);
    possible_at    timestamptz := greatest(cooled_at, opens_at, p_at);
    quota          text := limits_refusal(  -- the device is counted already: only who may hold one at all is asked
        held, ROW (p_terms.refusal, p_terms.valid_until, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::quota_terms, p_at);
    most           int := 0;
    rule           text;
BEGIN
    rule := CASE
        WHEN a.status <> 'allocated' OR a.expires_at <= p_at THEN 'not_active'
        WHEN quota IS NOT NULL                   THEN 'over_quota'
        WHEN renewals_left <= 0                  THEN 'count'
        WHEN p_minutes > p_terms.max_minutes     THEN 'minutes'
        WHEN p_minutes > total_left              THEN 'total'
        WHEN cooled_at > p_at                    THEN 'cooldown'
        WHEN opens_at > p_at                     THEN 'window'
        WHEN p_minutes > until_reserved          THEN 'reservation'
    END;
    IF possible_at < a.expires_at AND (rule IS NULL OR rule NOT IN ('not_active', 'over_quota', 'count')) THEN
        most := greatest(least(1440, p_terms.max_minutes, total_left, until_reserved), 0);
    END IF;
    possible_at := CASE WHEN most > 0 AND possible_at > p_at THEN possible_at END;

    RETURN jsonb_build_object(
        'outcome', CASE WHEN rule IS NULL THEN 'renewable'
                        WHEN rule IN ('not_active', 'over_quota') THEN rule
                        WHEN rule IN ('count', 'minutes', 'total') THEN 'renewal_forbidden'
                        ELSE 'renewal_refused' END,
        'rule', rule, 'reason', quota, 'remainingDevices', 0,
        'remainingRenewals', CASE WHEN renewals_left IS NULL THEN -1 ELSE greatest(renewals_left, 0) END,
        'maxAdditionalMinutes', most, 'nextRenewalAt', wire_time(possible_at),
        'retryAfterSeconds', CASE WHEN rule IN ('cooldown', 'window') THEN ceil(extract(epoch FROM possible_at - p_at)) END);
END $$;
