-- Renewals: the history of each allocation's later ends.

CREATE TABLE allocation_renewals (
    allocation_id      uuid        NOT NULL REFERENCES device_allocations (id) ON DELETE CASCADE,
    number             integer     NOT NULL CHECK (number > 0),
    renewed_at         timestamptz NOT NULL,
    additional_minutes integer     NOT NULL CHECK (additional_minutes > 0),
    old_expires_at     timestamptz NOT NULL,
    new_expires_at     timestamptz NOT NULL,
    reason             varchar(500),
    PRIMARY KEY (allocation_id, number),
    CHECK (new_expires_at > old_expires_at)
);
COMMENT ON TABLE allocation_renewals IS 'Each renewal of an allocation, numbered from 1; goes when the allocation goes';
COMMENT ON COLUMN allocation_renewals.reason IS 'What the caller gave as its reason';

ALTER TABLE device_allocations
    ADD COLUMN renewed_minutes integer NOT NULL DEFAULT 0 CHECK (renewed_minutes >= 0);
COMMENT ON COLUMN device_allocations.renewed_minutes IS 'Minutes that its renewals added, beside the duration_minutes of the grant';

CREATE TYPE renewal_terms AS (
    refusal text, valid_until timestamptz, max_count integer, max_minutes integer, max_total_minutes integer,
    cooldown_seconds integer, window_minutes integer
);
COMMENT ON TYPE renewal_terms IS 'What the quota document and the tier allow: a ready refusal, or limits (NULL: no limit)';
