-- Reservations: a device promised for a future window.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE reservations (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id             varchar(255) NOT NULL,
    user_id               varchar(255) NOT NULL,
    device_id             varchar(255) NOT NULL REFERENCES devices (id),
    status                varchar(50)  NOT NULL DEFAULT 'pending'
                          CHECK (status IN ('pending', 'executing', 'completed', 'failed', 'cancelled', 'expired')),
    starts_at             timestamptz  NOT NULL,
    ends_at               timestamptz  NOT NULL,
    during                tstzrange    GENERATED ALWAYS AS (tstzrange(starts_at, ends_at)) STORED,
    duration_minutes      integer      NOT NULL CHECK (duration_minutes BETWEEN 15 AND 1440),
    device_type           varchar(50),
    min_cpu               integer,
    min_memory_mb         integer,
    min_storage_mb        integer,
    metadata              jsonb,
    remind_before_minutes integer      NOT NULL DEFAULT 15 CHECK (remind_before_minutes BETWEEN 0 AND 60),
    remind_at             timestamptz,
    series_id             uuid,
    time_zone             varchar(64),
    allocation_id         uuid,
    executed_at           timestamptz,
    claimed_at            timestamptz,
    failure               varchar(500),
    created_at            timestamptz  NOT NULL,
    updated_at            timestamptz  NOT NULL,
    CHECK (ends_at > starts_at),
    CHECK (status <> 'executing' OR allocation_id IS NOT NULL),
    CONSTRAINT reservations_never_overlap EXCLUDE USING gist (device_id WITH =, during WITH &&)
        WHERE (status IN ('pending', 'executing'))
);
COMMENT ON TABLE reservations IS 'A device promised to a user for a window; no two live ones of a device overlap';
COMMENT ON COLUMN reservations.device_id IS 'The device that is bound; another one when that one dies';
COMMENT ON COLUMN reservations.status IS 'pending → executing (its allocation is live) → completed | failed; pending → cancelled | expired';
COMMENT ON COLUMN reservations.remind_at IS 'When the reminder is due; NULL: none, or sent';
COMMENT ON COLUMN reservations.series_id IS 'Shared by the occurrences of one recurrence';
COMMENT ON COLUMN reservations.time_zone IS 'Where the wall time of the recurrence is kept';
COMMENT ON COLUMN reservations.claimed_at IS 'The owner''s first call after the start, noted where no-shows are ended; without one it is a no-show';
COMMENT ON COLUMN reservations.failure IS 'Why it failed, or was ended as a no-show, as the owner is told';

-- The next start on a device, which its row repeats as next_reserved_at.
CREATE INDEX reservations_pending_by_device ON reservations (device_id, starts_at) WHERE status = 'pending';
-- What is due, and what is in danger: soonest first.
CREATE INDEX reservations_pending_by_start ON reservations (starts_at) WHERE status = 'pending';
CREATE INDEX reservations_to_remind ON reservations (remind_at) WHERE status = 'pending' AND remind_at IS NOT NULL;
-- No-shows: executing ones that nobody has claimed; by user, because each of her calls claims hers.
CREATE INDEX reservations_unclaimed ON reservations (user_id, tenant_id, executed_at)
    WHERE status = 'executing' AND claimed_at IS NULL;
-- Lists, soonest first: by user, of one tenant or any; by status, of one tenant or all. Own overlapping ones.
CREATE INDEX reservations_by_user ON reservations (user_id, tenant_id, starts_at, id);
CREATE INDEX reservations_by_tenant ON reservations (tenant_id, status, starts_at, id);
CREATE INDEX reservations_by_time ON reservations (status, starts_at, id);
-- Retention.
CREATE INDEX reservations_ended ON reservations (ends_at) WHERE status NOT IN ('pending', 'executing');

CREATE TRIGGER reservations_updated_at BEFORE UPDATE ON reservations
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- Devices that may be booked, taken or not: those that are free soonest first.
CREATE INDEX devices_in_service ON devices (class_id, busy_until NULLS FIRST, id)
    WHERE status = 'running' AND life = 'in_service';

ALTER TABLE device_allocations ADD COLUMN reservation_id uuid;
COMMENT ON COLUMN device_allocations.reservation_id IS 'The reservation that it was made from';
COMMENT ON COLUMN devices.next_reserved_at IS 'Start of the earliest pending reservation: what is lent until then ends before it';

ALTER TABLE reservations SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
