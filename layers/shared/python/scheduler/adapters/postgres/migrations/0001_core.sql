-- Devices, allocations, quotas, idempotency keys, outbox and inbox, statistics.

-- Devices of one kind and pool. Few rows: the claim probes one index entry a class instead of filtering the fleet.
CREATE TABLE spec_classes (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool        varchar(255) NOT NULL DEFAULT '',
    device_type varchar(50)  NOT NULL,
    cpu_cores   integer      NOT NULL CHECK (cpu_cores > 0),
    memory_mb   integer      NOT NULL CHECK (memory_mb > 0),
    storage_mb  integer      NOT NULL CHECK (storage_mb > 0),
    UNIQUE (pool, device_type, cpu_cores, memory_mb, storage_mb)
);
COMMENT ON TABLE spec_classes IS 'Distinct kinds of devices: pool, type and size';
COMMENT ON COLUMN spec_classes.pool IS 'Tenant that the devices are dedicated to; empty: shared by all';

CREATE TABLE devices (
    id                   varchar(255) PRIMARY KEY,
    name                 varchar(255) NOT NULL,
    device_type          varchar(50)  NOT NULL,
    status               varchar(50)  NOT NULL DEFAULT 'running'
                         CHECK (status IN ('running', 'stopped', 'error', 'maintenance')),
    life                 varchar(50)  NOT NULL DEFAULT 'in_service'
                         CHECK (life IN ('in_service', 'draining', 'quarantined', 'recycling', 'deleted')),
    tenant_id            varchar(255),
    cpu_cores            integer      NOT NULL CHECK (cpu_cores > 0),
    memory_mb            integer      NOT NULL CHECK (memory_mb > 0),
    storage_mb           integer      NOT NULL CHECK (storage_mb > 0),
    adb_host             varchar(255) NOT NULL,
    adb_port             integer      NOT NULL CHECK (adb_port BETWEEN 1 AND 65535),
    host                 varchar(255),
    model                varchar(255),
    labels               jsonb        NOT NULL DEFAULT '{}',
    class_id             integer      NOT NULL REFERENCES spec_classes (id),
    placement_score      double precision NOT NULL DEFAULT 0,
    last_allocated_at    timestamptz,
    active_allocation_id uuid,
    busy_until           timestamptz,
    next_reserved_at     timestamptz,
    held_for             uuid,
    fence                bigint       NOT NULL DEFAULT 0 CHECK (fence >= 0),
    is_free              boolean      GENERATED ALWAYS AS (
                             status = 'running' AND life = 'in_service'
                             AND active_allocation_id IS NULL AND held_for IS NULL
                         ) STORED,
    created_at           timestamptz  NOT NULL DEFAULT now(),
    updated_at           timestamptz  NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
COMMENT ON TABLE devices IS 'The fleet. Facts a claim decides by stand on the device''s own row, so that its lock covers them';
COMMENT ON COLUMN devices.tenant_id IS 'Dedicated to this tenant; NULL: shared by all';
COMMENT ON COLUMN devices.placement_score IS 'Higher is chosen first; written when its inputs change, never on the claim path';
COMMENT ON COLUMN devices.active_allocation_id IS 'The allocation that holds the device now';
COMMENT ON COLUMN devices.busy_until IS 'expires_at of the active allocation';
COMMENT ON COLUMN devices.next_reserved_at IS 'Start of the earliest coming reservation';
COMMENT ON COLUMN devices.held_for IS 'Queue entry that the device is kept for';
COMMENT ON COLUMN devices.fence IS 'Last fencing token given out; strictly increases';
COMMENT ON COLUMN devices.is_free IS 'The one definition of a device that may be lent now';

-- The claim's index probe: the best free device of a class, with what could forbid it beside it.
CREATE INDEX devices_free_by_score ON devices (class_id, placement_score DESC) INCLUDE (next_reserved_at) WHERE is_free;
-- Keyset pages of the available devices.
CREATE INDEX devices_free_by_id ON devices (id) INCLUDE (class_id, next_reserved_at) WHERE is_free;

CREATE TABLE device_heartbeats (
    device_id     varchar(255) PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    cpu_usage     real NOT NULL CHECK (cpu_usage BETWEEN 0 AND 100),
    memory_usage  real NOT NULL CHECK (memory_usage BETWEEN 0 AND 100),
    storage_usage real NOT NULL CHECK (storage_usage BETWEEN 0 AND 100),
    observed_at   timestamptz NOT NULL
);
COMMENT ON TABLE device_heartbeats IS 'Load of each device in percent; apart from devices, because a changed device row is skipped by claims';

CREATE TABLE device_allocations (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    device_id        varchar(255) NOT NULL,
    user_id          varchar(255) NOT NULL,
    tenant_id        varchar(255) DEFAULT 'default',
    status           varchar(50)  NOT NULL DEFAULT 'allocated'
                     CHECK (status IN ('allocated', 'released', 'expired', 'revoked')),
    allocated_at     timestamptz  NOT NULL DEFAULT now(),
    released_at      timestamptz,
    expires_at       timestamptz,
    duration_minutes integer      NOT NULL DEFAULT 60 CHECK (duration_minutes > 0),
    duration_seconds integer      CHECK (duration_seconds >= 0),
    metadata         jsonb,
    fencing_token    bigint       NOT NULL DEFAULT 0,
    renewal_count    integer      NOT NULL DEFAULT 0 CHECK (renewal_count >= 0),
    last_renewed_at  timestamptz,
    cpu_cores        integer      NOT NULL DEFAULT 0,
    memory_mb        integer      NOT NULL DEFAULT 0,
    storage_mb       integer      NOT NULL DEFAULT 0,
    decision         jsonb,
    created_at       timestamptz  NOT NULL DEFAULT now(),
    updated_at       timestamptz  NOT NULL DEFAULT now()
) WITH (fillfactor = 90);
COMMENT ON TABLE device_allocations IS 'A device lent to a user until expires_at';
COMMENT ON COLUMN device_allocations.id IS 'Allocation id, given to the holder';
COMMENT ON COLUMN device_allocations.device_id IS 'The device that is lent';
COMMENT ON COLUMN device_allocations.user_id IS 'The holder';
COMMENT ON COLUMN device_allocations.tenant_id IS 'The holder''s tenant; rows that come without one belong to tenant default';
COMMENT ON COLUMN device_allocations.status IS 'allocated (active) | released (by holder) | expired (by time) | revoked (by operator or event)';
COMMENT ON COLUMN device_allocations.allocated_at IS 'When the minutes began';
COMMENT ON COLUMN device_allocations.released_at IS 'When it ended, whatever ended it; for expired: the instant of the sweep';
COMMENT ON COLUMN device_allocations.expires_at IS 'When the minutes end; an overdue allocation blocks its device until it is ended';
COMMENT ON COLUMN device_allocations.duration_minutes IS 'Minutes asked for at first';
COMMENT ON COLUMN device_allocations.duration_seconds IS 'floor(min(released_at, expires_at) - allocated_at): what is billed';
COMMENT ON COLUMN device_allocations.metadata IS 'The caller''s own object, up to 4 KB';
COMMENT ON COLUMN device_allocations.fencing_token IS 'Strictly increasing per device; a stale one is refused';
COMMENT ON COLUMN device_allocations.renewal_count IS 'How often it was renewed';
COMMENT ON COLUMN device_allocations.last_renewed_at IS 'When it was renewed last; the cooldown counts from here';
COMMENT ON COLUMN device_allocations.cpu_cores IS 'Counted against the quota while active; stays when the device is changed';
COMMENT ON COLUMN device_allocations.memory_mb IS 'As cpu_cores';
COMMENT ON COLUMN device_allocations.storage_mb IS 'As cpu_cores';
COMMENT ON COLUMN device_allocations.created_at IS 'When the row was written';
COMMENT ON COLUMN device_allocations.updated_at IS 'When the row was changed last, kept by a trigger';
COMMENT ON COLUMN device_allocations.decision IS 'Why this device: strategy and score';

-- The last line of defence: one active allocation a device. Claims never reach it.
CREATE UNIQUE INDEX device_allocations_active_device ON device_allocations (device_id) WHERE status = 'allocated';
-- Sweep and reaping: what is due, oldest first.
CREATE INDEX device_allocations_due ON device_allocations (expires_at) WHERE status = 'allocated';
-- Lists, newest first: by device; by user, of one tenant or any; by status, of one tenant or all.
CREATE INDEX device_allocations_by_device ON device_allocations (device_id, allocated_at DESC, id DESC);
CREATE INDEX device_allocations_by_user ON device_allocations (user_id, tenant_id, allocated_at DESC, id DESC);
CREATE INDEX device_allocations_by_tenant ON device_allocations (tenant_id, status, allocated_at DESC, id DESC);
CREATE INDEX device_allocations_by_time ON device_allocations (status, allocated_at DESC, id DESC);
-- Retention.
CREATE INDEX device_allocations_ended ON device_allocations (released_at) WHERE status <> 'allocated';

CREATE TABLE quota_plans (
    name                     varchar(50) PRIMARY KEY,
    max_devices              integer CHECK (max_devices >= 0),
    max_concurrent_devices   integer CHECK (max_concurrent_devices >= 0),
    max_cpu_cores_per_device integer CHECK (max_cpu_cores_per_device >= 0),
    max_memory_mb_per_device integer CHECK (max_memory_mb_per_device >= 0),
    max_storage_gb_per_device integer CHECK (max_storage_gb_per_device >= 0),
    total_cpu_cores          integer CHECK (total_cpu_cores >= 0),
    total_memory_gb          integer CHECK (total_memory_gb >= 0),
    total_storage_gb         integer CHECK (total_storage_gb >= 0),
    updated_at               timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE quota_plans IS 'Built-in plans; NULL: no limit';

CREATE TABLE quotas (
    tenant_id   varchar(255) NOT NULL,
    user_id     varchar(255) NOT NULL,
    plan_name   varchar(50)  NOT NULL REFERENCES quota_plans (name),
    status      varchar(50)  NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'exceeded', 'suspended', 'expired')),
    valid_until timestamptz,
    updated_at  timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id)
);
COMMENT ON TABLE quotas IS 'Which built-in plan a user has; a user without a row has the default plan';

CREATE TABLE quota_usage (
    tenant_id  varchar(255) NOT NULL,
    user_id    varchar(255) NOT NULL,
    devices    integer NOT NULL DEFAULT 0 CHECK (devices >= 0),
    cpu_cores  integer NOT NULL DEFAULT 0 CHECK (cpu_cores >= 0),
    memory_mb  bigint  NOT NULL DEFAULT 0 CHECK (memory_mb >= 0),
    storage_mb bigint  NOT NULL DEFAULT 0 CHECK (storage_mb >= 0),
    blocked    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, user_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE quota_usage IS 'What each user holds now: the sum over her active allocations, kept in the transaction that changes them';
COMMENT ON COLUMN quota_usage.blocked IS 'No grants: set first when a user is suspended, then her allocations are ended';

CREATE TABLE idempotency_keys (
    tenant_id  varchar(255) NOT NULL,
    caller     varchar(300) NOT NULL,
    route      varchar(100) NOT NULL,
    key        varchar(255) NOT NULL,
    body_hash  varchar(64)  NOT NULL,
    answer     jsonb,
    created_at timestamptz  NOT NULL,
    PRIMARY KEY (tenant_id, caller, route, key)
);
COMMENT ON TABLE idempotency_keys IS 'The facts a keyed request was answered with, written in the transaction of its effect; kept 24 h';
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id     uuid         NOT NULL DEFAULT gen_random_uuid(),
    type         varchar(100) NOT NULL,
    subject      varchar(255) NOT NULL,
    group_id     varchar(511) NOT NULL,
    tenant_id    varchar(255),
    data         jsonb        NOT NULL,
    occurred_at  timestamptz  NOT NULL,
    published_at timestamptz
);
COMMENT ON TABLE outbox IS 'Events that committed with their change; the relay publishes them in the order of id';
COMMENT ON COLUMN outbox.group_id IS 'Ordering group: the device''s id, or <tenant>|<user> for what concerns no device';
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE inbox (
    consumer    varchar(50) NOT NULL,
    event_id    varchar(255) NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
COMMENT ON TABLE inbox IS 'Events each consumer has applied, so that a redelivery changes nothing';
CREATE INDEX inbox_by_age ON inbox (received_at);

CREATE TABLE leases (
    name       varchar(50) PRIMARY KEY,
    holder     varchar(100) NOT NULL,
    held_until timestamptz NOT NULL
);
COMMENT ON TABLE leases IS 'Who may run a job of which there is one at a time, and until when';

CREATE TABLE allocation_counters (
    tenant_id varchar(255) NOT NULL,
    shard     smallint     NOT NULL,
    granted   bigint NOT NULL DEFAULT 0,
    released  bigint NOT NULL DEFAULT 0,
    expired   bigint NOT NULL DEFAULT 0,
    revoked   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE allocation_counters IS 'Running totals a tenant, spread over shards so that a busy tenant is not one hot row';

CREATE TABLE statistics_snapshots (
    hour         timestamptz PRIMARY KEY,
    taken_at     timestamptz NOT NULL,
    figures      jsonb NOT NULL
);
COMMENT ON TABLE statistics_snapshots IS 'The fleet at each full hour';

CREATE TABLE placement_strategy (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    name       varchar(50) NOT NULL DEFAULT 'resource_based',
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE placement_strategy IS 'The strategy that placement scores follow';
INSERT INTO placement_strategy DEFAULT VALUES;

-- Arguments of the routines.
CREATE TYPE device_wants AS (device_type text, min_cpu integer, min_memory_mb integer, min_storage_mb integer);
COMMENT ON TYPE device_wants IS 'Minima a caller asks for; NULL: any';
CREATE TYPE device_size AS (cpu_cores bigint, memory_mb bigint, storage_mb bigint);
COMMENT ON TYPE device_size IS 'The largest device that a quota allows now; NULL: no limit';
CREATE TYPE quota_terms AS (
    refusal text, valid_until timestamptz, devices integer,
    device_cpu_cores integer, device_memory_mb integer, device_storage_mb bigint,
    cpu_cores integer, memory_mb bigint, storage_mb bigint
);
COMMENT ON TYPE quota_terms IS 'What the quota document allows: a ready refusal, or limits (NULL: no limit)';
CREATE TYPE request_key AS (tenant_id text, caller text, route text, key text, body_hash text);
COMMENT ON TYPE request_key IS 'An Idempotency-Key with whom and what it belongs to';

CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := scheduler_clock();
    RETURN NEW;
END $$;
CREATE TRIGGER device_allocations_updated_at BEFORE UPDATE ON device_allocations
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER devices_updated_at BEFORE UPDATE ON devices
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE FUNCTION set_default_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tenant_id := 'default';
    RETURN NEW;
END $$;
CREATE TRIGGER device_allocations_default_tenant BEFORE INSERT ON device_allocations
    FOR EACH ROW WHEN (NEW.tenant_id IS NULL) EXECUTE FUNCTION set_default_tenant();
