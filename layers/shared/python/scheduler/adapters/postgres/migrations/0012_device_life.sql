-- A device's whole life, and what each device's service is billed as: failover, recycling, usage records, events from outside.

-- What an allocation is billed: a row for each device that served it, written when that device's part ends.
CREATE TABLE usage_records (
    allocation_id uuid         NOT NULL,
    segment       integer      NOT NULL CHECK (segment > 0),
    kind          varchar(10)  NOT NULL DEFAULT 'usage' CHECK (kind IN ('usage', 'credit')),
    tenant_id     varchar(255) NOT NULL,
    user_id       varchar(255) NOT NULL,
    device_id     varchar(255) NOT NULL,
    device_name   varchar(255) NOT NULL,
    cpu_cores     integer      NOT NULL,
    memory_mb     integer      NOT NULL,
    storage_mb    integer      NOT NULL,
    started_at    timestamptz  NOT NULL,
    ended_at      timestamptz  NOT NULL,
    seconds       integer      NOT NULL CHECK (seconds >= 0),
    reason        varchar(500),
    recorded_at   timestamptz  NOT NULL,
    delivered_at  timestamptz,
    PRIMARY KEY (allocation_id, segment, kind),
    CHECK (ended_at >= started_at)
) WITH (fillfactor = 90);
COMMENT ON TABLE usage_records IS 'What is billed: each ended segment once, and credits beside; outlives its allocation';
COMMENT ON COLUMN usage_records.segment IS 'Counts the devices that served the allocation, from 1';
COMMENT ON COLUMN usage_records.kind IS 'usage: the time of the segment | credit: the part of it in which the device had failed';
COMMENT ON COLUMN usage_records.seconds IS 'The usage rows of an allocation add up to its duration_seconds; a credit is given back';
COMMENT ON COLUMN usage_records.delivered_at IS 'When the billing service acknowledged it';
-- Reports: a tenant's time.
CREATE INDEX usage_records_by_tenant ON usage_records (tenant_id, ended_at, allocation_id);
ALTER TABLE usage_records SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
-- What ended before this table was there has no records.
INSERT INTO retention_marks VALUES ('usage_records', clock_timestamp());

ALTER TABLE device_allocations
    ADD COLUMN wants device_wants,
    ADD COLUMN segment integer NOT NULL DEFAULT 1 CHECK (segment > 0),
    ADD COLUMN segment_started_at timestamptz,
    ADD COLUMN end_reason varchar(500),
    ADD COLUMN is_warned boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN device_allocations.wants IS 'Minima asked of the device; a failover gives no less. NULL: none were asked';
COMMENT ON COLUMN device_allocations.segment IS 'Counts the devices that served it: one more with each failover';
COMMENT ON COLUMN device_allocations.segment_started_at IS 'Since when the present device serves it; NULL: from the beginning';
COMMENT ON COLUMN device_allocations.end_reason IS 'Why it was revoked, as its holder is told';
COMMENT ON COLUMN device_allocations.is_warned IS 'Whether its holder was told that this end is near; a renewal makes it false';
-- Nobody knows any more what these were granted for: no less than they have.
UPDATE device_allocations SET wants = ROW (NULL, nullif(cpu_cores, 0), nullif(memory_mb, 0), nullif(storage_mb, 0))::device_wants
 WHERE status = 'allocated';

ALTER TABLE devices
    ADD COLUMN failures_in_row smallint NOT NULL DEFAULT 0 CHECK (failures_in_row >= 0),
    ADD COLUMN recycling_since timestamptz,
    ADD COLUMN life_reason varchar(500),
    ADD COLUMN life_changed_at timestamptz;
COMMENT ON COLUMN devices.failures_in_row IS 'Allocations that it failed one after the other; an end in order makes it 0';
COMMENT ON COLUMN devices.recycling_since IS 'Since when it is being wiped';
COMMENT ON COLUMN devices.life_reason IS 'Why it is not in service, as operators are told';

CREATE TABLE fleet_policy (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    recycles        boolean NOT NULL DEFAULT false,
    recycle_minutes integer NOT NULL DEFAULT 30 CHECK (recycle_minutes BETWEEN 1 AND 1440)
);
COMMENT ON TABLE fleet_policy IS 'What holds for all devices, set by the migrate function';
COMMENT ON COLUMN fleet_policy.recycles IS 'A device that comes back is lent again only after it was wiped';
COMMENT ON COLUMN fleet_policy.recycle_minutes IS 'A device that takes longer to be wiped is quarantined';
INSERT INTO fleet_policy DEFAULT VALUES;

CREATE TABLE incoming_newest (
    family    varchar(50)  NOT NULL,
    subject   varchar(511) NOT NULL,
    newest_at timestamptz  NOT NULL,
    PRIMARY KEY (family, subject)
) WITH (fillfactor = 80);
COMMENT ON TABLE incoming_newest IS 'The time of the newest event from outside that was applied for a subject: older ones change nothing';

CREATE TYPE incoming_event AS (id text, family text, subject text, at timestamptz);
COMMENT ON TYPE incoming_event IS 'An event from outside: source and id, and what of whom it tells';

-- Whatever ends an allocation, be it a repair by hand, writes its bill. In the migration, not a routine: from the first end on
-- none is without.
CREATE FUNCTION record_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := coalesce(NEW.segment_started_at, NEW.allocated_at);
    ended   timestamptz := coalesce(NEW.released_at, scheduler_clock());
    total   integer     := coalesce(NEW.duration_seconds, least(greatest(floor(extract(
                               epoch FROM least(ended, NEW.expires_at) - NEW.allocated_at)), 0), 2147483647));
    billed  integer     := 0;
BEGIN
    IF NEW.segment > 1 THEN
        billed := (SELECT coalesce(sum(seconds), 0) FROM usage_records WHERE allocation_id = NEW.id AND kind = 'usage');
    END IF;
    INSERT INTO usage_records (
        allocation_id, segment, tenant_id, user_id, device_id, device_name, cpu_cores, memory_mb, storage_mb,
        started_at, ended_at, seconds, recorded_at)
    VALUES (
        NEW.id, NEW.segment, coalesce(NEW.tenant_id, 'default'), NEW.user_id, NEW.device_id,
        coalesce((SELECT name FROM devices WHERE id = NEW.device_id), NEW.device_id), NEW.cpu_cores, NEW.memory_mb, NEW.storage_mb,
        started, greatest(least(ended, NEW.expires_at), started), greatest(total - billed, 0), ended);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION record_usage() IS 'Writes what the last segment of an allocation is billed, beside its end';
CREATE TRIGGER device_allocations_usage AFTER UPDATE ON device_allocations
    FOR EACH ROW WHEN (OLD.status = 'allocated' AND NEW.status <> 'allocated') EXECUTE FUNCTION record_usage();
