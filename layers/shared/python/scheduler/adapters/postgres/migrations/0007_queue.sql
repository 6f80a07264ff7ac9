-- The priority queue: who waits for a device, in the order of a stored rank.

CREATE TABLE queue_entries (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id        varchar(255) NOT NULL,
    user_id          varchar(255) NOT NULL,
    status           varchar(50)  NOT NULL DEFAULT 'waiting'
                     CHECK (status IN ('waiting', 'fulfilled', 'expired', 'cancelled')),
    tier             varchar(50)  NOT NULL,
    rank             double precision NOT NULL,
    duration_minutes integer      NOT NULL CHECK (duration_minutes BETWEEN 1 AND 1440),
    wants            device_wants,
    metadata         jsonb,
    terms            quota_terms,
    terms_read_at    timestamptz  NOT NULL,
    joined_at        timestamptz  NOT NULL,
    expires_at       timestamptz  NOT NULL,
    ended_at         timestamptz,
    allocation_id    uuid,
    device_id        varchar(255),
    promised_p50     integer,
    promised_p90     integer,
    CHECK (expires_at > joined_at),
    CHECK ((status = 'waiting') = (ended_at IS NULL)),
    CHECK ((status = 'fulfilled') = (allocation_id IS NOT NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE queue_entries IS 'Users who wait for a device, and how their waits ended';
COMMENT ON COLUMN queue_entries.rank IS 'Joined epoch minus the tier''s head start, in seconds; lower is served first. Linear ageing without a clock';
COMMENT ON COLUMN queue_entries.wants IS 'Minima asked of the device';
COMMENT ON COLUMN queue_entries.terms IS 'What the quota document allowed when it was read last; refreshed by dispatch';
COMMENT ON COLUMN queue_entries.ended_at IS 'When the wait ended, whatever ended it';
COMMENT ON COLUMN queue_entries.promised_p50 IS 'Seconds told at the join: half of such waits should end within them';
COMMENT ON COLUMN queue_entries.promised_p90 IS 'Seconds told at the join: nine of ten such waits should end within them';

-- The order of service.
CREATE INDEX queue_entries_waiting ON queue_entries (rank, id) WHERE status = 'waiting';
-- One live entry a user.
CREATE UNIQUE INDEX queue_entries_one_live ON queue_entries (tenant_id, user_id) WHERE status = 'waiting';
CREATE INDEX queue_entries_due ON queue_entries (expires_at) WHERE status = 'waiting';
-- Lists, newest first: by user, of one tenant or any; by status, of one tenant or all.
CREATE INDEX queue_entries_by_user ON queue_entries (user_id, tenant_id, joined_at DESC, id DESC);
CREATE INDEX queue_entries_by_tenant ON queue_entries (tenant_id, status, joined_at DESC, id DESC);
CREATE INDEX queue_entries_by_time ON queue_entries (status, joined_at DESC, id DESC);
-- Retention, and what is learned from past waits.
CREATE INDEX queue_entries_ended ON queue_entries (ended_at) WHERE status <> 'waiting';

-- The device that is kept for an entry.
CREATE UNIQUE INDEX devices_held_for ON devices (held_for) WHERE held_for IS NOT NULL;

CREATE TABLE queue_gate (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
COMMENT ON TABLE queue_gate IS 'One row, locked by whoever serves the queue: dispatchers at the same time keep one order of service';
INSERT INTO queue_gate DEFAULT VALUES;

ALTER TABLE queue_entries SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
