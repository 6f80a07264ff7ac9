-- The schema, for reading; the routines stand in adapters/postgres/routines.
-- Written from the migrations by `make schema`, compared by a test.

SET check_function_bodies = false;

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

CREATE TYPE public.claim_weights AS (
	failure double precision,
	hazard double precision,
	fixed double precision,
	stickiness double precision,
	gap double precision,
	use double precision,
	own double precision,
	share double precision
);

COMMENT ON TYPE public.claim_weights IS 'The numbers of placement_strategy.terms, as domain/placement.terms_of gives them';

CREATE TYPE public.device_size AS (
	cpu_cores bigint,
	memory_mb bigint,
	storage_mb bigint
);

COMMENT ON TYPE public.device_size IS 'The largest device that a quota allows now; NULL: no limit';

CREATE TYPE public.device_wants AS (
	device_type text,
	min_cpu integer,
	min_memory_mb integer,
	min_storage_mb integer
);

COMMENT ON TYPE public.device_wants IS 'Minima a caller asks for; NULL: any';

CREATE TYPE public.incoming_event AS (
	id text,
	family text,
	subject text,
	at timestamp with time zone
);

COMMENT ON TYPE public.incoming_event IS 'An event from outside: source and id, and what of whom it tells';

CREATE TYPE public.quota_terms AS (
	refusal text,
	valid_until timestamp with time zone,
	devices integer,
	device_cpu_cores integer,
	device_memory_mb integer,
	device_storage_mb bigint,
	cpu_cores integer,
	memory_mb bigint,
	storage_mb bigint
);

COMMENT ON TYPE public.quota_terms IS 'What the quota document allows: a ready refusal, or limits (NULL: no limit)';

CREATE TYPE public.renewal_terms AS (
	refusal text,
	valid_until timestamp with time zone,
	max_count integer,
	max_minutes integer,
	max_total_minutes integer,
	cooldown_seconds integer,
	window_minutes integer
);

COMMENT ON TYPE public.renewal_terms IS 'What the quota document and the tier allow: a ready refusal, or limits (NULL: no limit)';

CREATE TYPE public.request_key AS (
	tenant_id text,
	caller text,
	route text,
	key text,
	body_hash text
);

COMMENT ON TYPE public.request_key IS 'An Idempotency-Key with whom and what it belongs to';

CREATE TABLE public.devices (
    id character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    device_type character varying(50) NOT NULL,
    status character varying(50) DEFAULT 'running'::character varying NOT NULL,
    life character varying(50) DEFAULT 'in_service'::character varying NOT NULL,
    tenant_id character varying(255),
    cpu_cores integer NOT NULL,
    memory_mb integer NOT NULL,
    storage_mb integer NOT NULL,
    adb_host character varying(255) NOT NULL,
    adb_port integer NOT NULL,
    host character varying(255),
    model character varying(255),
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    class_id integer NOT NULL,
    placement_score double precision DEFAULT 0 NOT NULL,
    last_allocated_at timestamp with time zone,
    active_allocation_id uuid,
    busy_until timestamp with time zone,
    next_reserved_at timestamp with time zone,
    held_for uuid,
    fence bigint DEFAULT 0 NOT NULL,
    is_free boolean GENERATED ALWAYS AS ((((status)::text = 'running'::text) AND ((life)::text = 'in_service'::text) AND (active_allocation_id IS NULL) AND (held_for IS NULL))) STORED,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    failures_in_row smallint DEFAULT 0 NOT NULL,
    recycling_since timestamp with time zone,
    life_reason character varying(500),
    life_changed_at timestamp with time zone,
    CONSTRAINT devices_adb_port_check CHECK (((adb_port >= 1) AND (adb_port <= 65535))),
    CONSTRAINT devices_cpu_cores_check CHECK ((cpu_cores > 0)),
    CONSTRAINT devices_failures_in_row_check CHECK ((failures_in_row >= 0)),
    CONSTRAINT devices_fence_check CHECK ((fence >= 0)),
    CONSTRAINT devices_life_check CHECK (((life)::text = ANY ((ARRAY['in_service'::character varying, 'draining'::character varying, 'quarantined'::character varying, 'recycling'::character varying, 'deleted'::character varying])::text[]))),
    CONSTRAINT devices_memory_mb_check CHECK ((memory_mb > 0)),
    CONSTRAINT devices_status_check CHECK (((status)::text = ANY ((ARRAY['running'::character varying, 'stopped'::character varying, 'error'::character varying, 'maintenance'::character varying])::text[]))),
    CONSTRAINT devices_storage_mb_check CHECK ((storage_mb > 0))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='500', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.05');

ALTER TABLE ONLY public.devices FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.devices IS 'The fleet. Facts a claim decides by stand on the device''s own row, so that its lock covers them';

COMMENT ON COLUMN public.devices.tenant_id IS 'Dedicated to this tenant; NULL: shared by all';

COMMENT ON COLUMN public.devices.placement_score IS 'Higher is chosen first; written when its inputs change, never on the claim path';

COMMENT ON COLUMN public.devices.active_allocation_id IS 'The allocation that holds the device now';

COMMENT ON COLUMN public.devices.busy_until IS 'expires_at of the active allocation';

COMMENT ON COLUMN public.devices.next_reserved_at IS 'Start of the earliest pending reservation: what is lent until then ends before it';

COMMENT ON COLUMN public.devices.held_for IS 'Queue entry that the device is kept for';

COMMENT ON COLUMN public.devices.fence IS 'Last fencing token given out; strictly increases';

COMMENT ON COLUMN public.devices.is_free IS 'The one definition of a device that may be lent now';

COMMENT ON COLUMN public.devices.failures_in_row IS 'Allocations that it failed one after the other; an end in order makes it 0';

COMMENT ON COLUMN public.devices.recycling_since IS 'Since when it is being wiped';

COMMENT ON COLUMN public.devices.life_reason IS 'Why it is not in service, as operators are told';

CREATE TYPE public.smart_choice AS (
	device public.devices,
	choice jsonb
);

COMMENT ON TYPE public.smart_choice IS 'The device that was taken, and what is kept of how it was chosen; NULL: nothing was weighed';

CREATE TYPE public.weighed_choice AS (
	trial text,
	model text,
	explored boolean,
	rank integer,
	propensity double precision,
	hours double precision,
	ids text[],
	costs double precision[],
	would_lend text
);

COMMENT ON TYPE public.weighed_choice IS 'What was weighed: ids of the best by score and what each was expected to cost in the hours of use that were expected, which of them was lent, and how likely that was';

CREATE TYPE public.weighed_device AS (
	device public.devices,
	weighed public.weighed_choice
);

COMMENT ON TYPE public.weighed_device IS 'The device that was taken, and what is kept of how it was chosen; NULL: nothing was weighed';

CREATE TYPE public.weighed_head AS (
	id text,
	class_id integer,
	place integer,
	cost double precision,
	drawn_cost double precision
);

COMMENT ON TYPE public.weighed_head IS 'One of the few best free devices, and what lending it to a request is expected to cost; place: by score';

CREATE FUNCTION public.adopt_allocation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    adopted device_allocations := NEW;
    at      timestamptz;
BEGIN
    adopted.expires_at := coalesce(adopted.expires_at, adopted.allocated_at + make_interval(mins => adopted.duration_minutes));
    UPDATE devices
       SET active_allocation_id = adopted.id, busy_until = adopted.expires_at, fence = fence + 1
     WHERE id = adopted.device_id
    RETURNING fence, cpu_cores, memory_mb, storage_mb
         INTO adopted.fencing_token, adopted.cpu_cores, adopted.memory_mb, adopted.storage_mb;
    IF NOT FOUND THEN  -- a device that is not of the fleet: only its number counts
        SELECT 0, 0, 0, 0 INTO adopted.fencing_token, adopted.cpu_cores, adopted.memory_mb, adopted.storage_mb;
    END IF;
    at := scheduler_clock();

    UPDATE device_allocations
       SET expires_at = adopted.expires_at, fencing_token = adopted.fencing_token, cpu_cores = adopted.cpu_cores,
           memory_mb = adopted.memory_mb, storage_mb = adopted.storage_mb
     WHERE id = adopted.id;
    UPDATE quota_usage
       SET devices = devices + 1, cpu_cores = cpu_cores + adopted.cpu_cores,
           memory_mb = memory_mb + adopted.memory_mb, storage_mb = storage_mb + adopted.storage_mb
     WHERE (tenant_id, user_id) = (adopted.tenant_id, adopted.user_id);
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('device.allocated', adopted.device_id, adopted.device_id, adopted.tenant_id,
            jsonb_build_object(
                'allocationId', adopted.id, 'deviceId', adopted.device_id,
                'userId', adopted.user_id, 'tenantId', adopted.tenant_id,
                'allocatedAt', wire_time(adopted.allocated_at), 'expiresAt', wire_time(adopted.expires_at),
                'durationMinutes', adopted.duration_minutes, 'fencingToken', adopted.fencing_token, 'remainingDevices', -1,
                'quotaUsed', quota_share(adopted.cpu_cores, adopted.memory_mb, adopted.storage_mb)), at);
    PERFORM count_allocations(adopted.tenant_id, 1, 0, 0, 0);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION public.adopt_allocation() IS 'Counts an active row that came in past the claim like a grant';

CREATE TABLE public.quota_usage (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    devices integer DEFAULT 0 NOT NULL,
    cpu_cores integer DEFAULT 0 NOT NULL,
    memory_mb bigint DEFAULT 0 NOT NULL,
    storage_mb bigint DEFAULT 0 NOT NULL,
    blocked boolean DEFAULT false NOT NULL,
    blocked_reason character varying(100),
    known_limits public.quota_terms,
    CONSTRAINT quota_usage_cpu_cores_check CHECK ((cpu_cores >= 0)),
    CONSTRAINT quota_usage_devices_check CHECK ((devices >= 0)),
    CONSTRAINT quota_usage_memory_mb_check CHECK ((memory_mb >= 0)),
    CONSTRAINT quota_usage_storage_mb_check CHECK ((storage_mb >= 0))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='50', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.quota_usage FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.quota_usage IS 'What each user holds now: the sum over her active allocations, kept in the transaction that changes them';

COMMENT ON COLUMN public.quota_usage.blocked IS 'No grants: set first when a user is suspended, then her allocations are ended';

COMMENT ON COLUMN public.quota_usage.blocked_reason IS 'Why she is blocked, as refusals tell';

COMMENT ON COLUMN public.quota_usage.known_limits IS 'Limits told by an event; until valid_until they count beside a quota document, which may be older';

CREATE TABLE public.reservations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    device_id character varying(255) NOT NULL,
    status character varying(50) DEFAULT 'pending'::character varying NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    during tstzrange GENERATED ALWAYS AS (tstzrange(starts_at, ends_at)) STORED,
    duration_minutes integer NOT NULL,
    device_type character varying(50),
    min_cpu integer,
    min_memory_mb integer,
    min_storage_mb integer,
    metadata jsonb,
    remind_before_minutes integer DEFAULT 15 NOT NULL,
    remind_at timestamp with time zone,
    series_id uuid,
    time_zone character varying(64),
    allocation_id uuid,
    executed_at timestamp with time zone,
    claimed_at timestamp with time zone,
    failure character varying(500),
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT reservations_check CHECK ((ends_at > starts_at)),
    CONSTRAINT reservations_check1 CHECK ((((status)::text <> 'executing'::text) OR (allocation_id IS NOT NULL))),
    CONSTRAINT reservations_duration_minutes_check CHECK (((duration_minutes >= 15) AND (duration_minutes <= 1440))),
    CONSTRAINT reservations_remind_before_minutes_check CHECK (((remind_before_minutes >= 0) AND (remind_before_minutes <= 60))),
    CONSTRAINT reservations_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'executing'::character varying, 'completed'::character varying, 'failed'::character varying, 'cancelled'::character varying, 'expired'::character varying])::text[])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='500', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.reservations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.reservations IS 'A device promised to a user for a window; no two live ones of a device overlap';

COMMENT ON COLUMN public.reservations.device_id IS 'The device that is bound; another one when that one dies';

COMMENT ON COLUMN public.reservations.status IS 'pending → executing (its allocation is live) → completed | failed; pending → cancelled | expired';

COMMENT ON COLUMN public.reservations.remind_at IS 'When the reminder is due; NULL: none, or sent';

COMMENT ON COLUMN public.reservations.series_id IS 'Shared by the occurrences of one recurrence';

COMMENT ON COLUMN public.reservations.time_zone IS 'Where the wall time of the recurrence is kept';

COMMENT ON COLUMN public.reservations.claimed_at IS 'The owner''s first call after the start, noted where no-shows are ended; without one it is a no-show';

COMMENT ON COLUMN public.reservations.failure IS 'Why it failed, or was ended as a no-show, as the owner is told';

CREATE TABLE public.device_allocations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    device_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    tenant_id character varying(255) DEFAULT 'default'::character varying,
    status character varying(50) DEFAULT 'allocated'::character varying NOT NULL,
    allocated_at timestamp with time zone DEFAULT now() NOT NULL,
    released_at timestamp with time zone,
    expires_at timestamp with time zone,
    duration_minutes integer DEFAULT 60 NOT NULL,
    duration_seconds integer,
    metadata jsonb,
    fencing_token bigint DEFAULT 0 NOT NULL,
    renewal_count integer DEFAULT 0 NOT NULL,
    last_renewed_at timestamp with time zone,
    cpu_cores integer DEFAULT 0 NOT NULL,
    memory_mb integer DEFAULT 0 NOT NULL,
    storage_mb integer DEFAULT 0 NOT NULL,
    decision jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    renewed_minutes integer DEFAULT 0 NOT NULL,
    reservation_id uuid,
    wants public.device_wants,
    segment integer DEFAULT 1 NOT NULL,
    segment_started_at timestamp with time zone,
    end_reason character varying(500),
    is_warned boolean DEFAULT false NOT NULL,
    weighed public.weighed_choice,
    CONSTRAINT device_allocations_duration_minutes_check CHECK ((duration_minutes > 0)),
    CONSTRAINT device_allocations_duration_seconds_check CHECK ((duration_seconds >= 0)),
    CONSTRAINT device_allocations_renewal_count_check CHECK ((renewal_count >= 0)),
    CONSTRAINT device_allocations_renewed_minutes_check CHECK ((renewed_minutes >= 0)),
    CONSTRAINT device_allocations_segment_check CHECK ((segment > 0)),
    CONSTRAINT device_allocations_status_check CHECK (((status)::text = ANY ((ARRAY['allocated'::character varying, 'released'::character varying, 'expired'::character varying, 'revoked'::character varying])::text[])))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.01');

ALTER TABLE ONLY public.device_allocations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.device_allocations IS 'A device lent to a user until expires_at';

COMMENT ON COLUMN public.device_allocations.id IS 'Allocation id, given to the holder';

COMMENT ON COLUMN public.device_allocations.device_id IS 'The device that is lent';

COMMENT ON COLUMN public.device_allocations.user_id IS 'The holder';

COMMENT ON COLUMN public.device_allocations.tenant_id IS 'The holder''s tenant; rows that come without one belong to tenant default';

COMMENT ON COLUMN public.device_allocations.status IS 'allocated (active) | released (by holder) | expired (by time) | revoked (by operator or event)';

COMMENT ON COLUMN public.device_allocations.allocated_at IS 'When the minutes began';

COMMENT ON COLUMN public.device_allocations.released_at IS 'When it ended, whatever ended it; for expired: the instant of the sweep';

COMMENT ON COLUMN public.device_allocations.expires_at IS 'When the minutes end; an overdue allocation blocks its device until it is ended';

COMMENT ON COLUMN public.device_allocations.duration_minutes IS 'Minutes asked for at first';

COMMENT ON COLUMN public.device_allocations.duration_seconds IS 'floor(min(released_at, expires_at) - allocated_at): what is billed';

COMMENT ON COLUMN public.device_allocations.metadata IS 'The caller''s own object, up to 4 KB';

COMMENT ON COLUMN public.device_allocations.fencing_token IS 'Strictly increasing per device; a stale one is refused';

COMMENT ON COLUMN public.device_allocations.renewal_count IS 'How often it was renewed';

COMMENT ON COLUMN public.device_allocations.last_renewed_at IS 'When it was renewed last; the cooldown counts from here';

COMMENT ON COLUMN public.device_allocations.cpu_cores IS 'Counted against the quota while active; stays when the device is changed';

COMMENT ON COLUMN public.device_allocations.memory_mb IS 'As cpu_cores';

COMMENT ON COLUMN public.device_allocations.storage_mb IS 'As cpu_cores';

COMMENT ON COLUMN public.device_allocations.decision IS 'Why this device: strategy and score';

COMMENT ON COLUMN public.device_allocations.created_at IS 'When the row was written';

COMMENT ON COLUMN public.device_allocations.updated_at IS 'When the row was changed last, kept by a trigger';

COMMENT ON COLUMN public.device_allocations.renewed_minutes IS 'Minutes that its renewals added, beside the duration_minutes of the grant';

COMMENT ON COLUMN public.device_allocations.reservation_id IS 'The reservation that it was made from';

COMMENT ON COLUMN public.device_allocations.wants IS 'Minima asked of the device; a failover gives no less. NULL: none were asked';

COMMENT ON COLUMN public.device_allocations.segment IS 'Counts the devices that served it: one more with each failover';

COMMENT ON COLUMN public.device_allocations.segment_started_at IS 'Since when the present device serves it; NULL: from the beginning';

COMMENT ON COLUMN public.device_allocations.end_reason IS 'Why it was revoked, as its holder is told';

COMMENT ON COLUMN public.device_allocations.is_warned IS 'Whether its holder was told that this end is near; a renewal makes it false';

COMMENT ON COLUMN public.device_allocations.weighed IS 'How the learned strategy chose the device, or would have; NULL: nothing was weighed, or it stands in "decision", as it did once';

CREATE TABLE public.queue_entries (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    status character varying(50) DEFAULT 'waiting'::character varying NOT NULL,
    tier character varying(50) NOT NULL,
    rank double precision NOT NULL,
    duration_minutes integer NOT NULL,
    wants public.device_wants,
    metadata jsonb,
    terms public.quota_terms,
    terms_read_at timestamp with time zone NOT NULL,
    joined_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    allocation_id uuid,
    device_id character varying(255),
    promised_p50 integer,
    promised_p90 integer,
    raw_p50 real,
    raw_p90 real,
    CONSTRAINT queue_entries_check CHECK ((expires_at > joined_at)),
    CONSTRAINT queue_entries_check1 CHECK ((((status)::text = 'waiting'::text) = (ended_at IS NULL))),
    CONSTRAINT queue_entries_check2 CHECK ((((status)::text = 'fulfilled'::text) = (allocation_id IS NOT NULL))),
    CONSTRAINT queue_entries_duration_minutes_check CHECK (((duration_minutes >= 1) AND (duration_minutes <= 1440))),
    CONSTRAINT queue_entries_status_check CHECK (((status)::text = ANY ((ARRAY['waiting'::character varying, 'fulfilled'::character varying, 'expired'::character varying, 'cancelled'::character varying])::text[])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='200', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.queue_entries FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.queue_entries IS 'Users who wait for a device, and how their waits ended';

COMMENT ON COLUMN public.queue_entries.rank IS 'Joined epoch minus the tier''s head start, in seconds; lower is served first. Linear ageing without a clock';

COMMENT ON COLUMN public.queue_entries.wants IS 'Minima asked of the device';

COMMENT ON COLUMN public.queue_entries.terms IS 'What the quota document allowed when it was read last; refreshed by dispatch';

COMMENT ON COLUMN public.queue_entries.ended_at IS 'When the wait ended, whatever ended it';

COMMENT ON COLUMN public.queue_entries.promised_p50 IS 'Seconds told at the join: half of such waits should end within them';

COMMENT ON COLUMN public.queue_entries.promised_p90 IS 'Seconds told at the join: nine of ten such waits should end within them';

COMMENT ON COLUMN public.queue_entries.raw_p50 IS 'As promised_p50, before it was stretched by what was learned of earlier promises';

COMMENT ON COLUMN public.queue_entries.raw_p90 IS 'As promised_p90, before it was stretched by what was learned of earlier promises';

CREATE TABLE public.spec_classes (
    id integer NOT NULL,
    pool character varying(255) DEFAULT ''::character varying NOT NULL,
    device_type character varying(50) NOT NULL,
    cpu_cores integer NOT NULL,
    memory_mb integer NOT NULL,
    storage_mb integer NOT NULL,
    CONSTRAINT spec_classes_cpu_cores_check CHECK ((cpu_cores > 0)),
    CONSTRAINT spec_classes_memory_mb_check CHECK ((memory_mb > 0)),
    CONSTRAINT spec_classes_storage_mb_check CHECK ((storage_mb > 0))
);

COMMENT ON TABLE public.spec_classes IS 'Distinct kinds of devices: pool, type and size';

COMMENT ON COLUMN public.spec_classes.pool IS 'Tenant that the devices are dedicated to; empty: shared by all';

CREATE FUNCTION public.is_involved(p_device text, p_held_for uuid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (SELECT FROM device_allocations WHERE device_id = p_device)
        OR EXISTS (SELECT FROM reservations WHERE device_id = p_device AND status IN ('pending', 'executing'))
        OR EXISTS (SELECT FROM queue_entries WHERE id = p_held_for)
$$;

COMMENT ON FUNCTION public.is_involved(p_device text, p_held_for uuid) IS 'Whether the acting tenant has to do with a device that is another''s';

CREATE FUNCTION public.join_role(p_role text, p_member text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT pg_has_role(p_member, p_role, 'USAGE') THEN
        EXECUTE format('GRANT %I TO %I', p_role, p_member);
    END IF;
EXCEPTION WHEN unique_violation OR internal_error THEN
    NULL;  -- another database's migration did it at this moment (an internal error: tuple concurrently updated)
END $$;

COMMENT ON FUNCTION public.join_role(p_role text, p_member text) IS 'Makes a role a member of another, whoever does so at the same time';

CREATE FUNCTION public.keep_act() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < scheduler_clock() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'insufficient_privilege';
END $$;

COMMENT ON FUNCTION public.keep_act() IS 'Lets nobody change an entry of the audit log, or delete a young one';

CREATE TABLE public.outlook_lessons (
    only_row boolean DEFAULT true NOT NULL,
    learned_at timestamp with time zone NOT NULL,
    endings jsonb DEFAULT '{}'::jsonb NOT NULL,
    ratios jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT outlook_lessons_only_row_check CHECK (only_row)
);

COMMENT ON TABLE public.outlook_lessons IS 'One row: what recent allocations and waits teach, learned anew when it is asked for and old';

COMMENT ON COLUMN public.outlook_lessons.endings IS 'How allocations ended: counts by the part of their time that was used';

COMMENT ON COLUMN public.outlook_lessons.ratios IS 'Real waits as multiples of what was computed: counts by the bucket of their ratio';

CREATE FUNCTION public.lock_for_adoption() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM lock_usage(NEW.tenant_id, NEW.user_id);
    PERFORM FROM devices WHERE id = NEW.device_id FOR UPDATE;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION public.lock_for_adoption() IS 'Takes the locks of an adoption in the order that all follow';

CREATE TABLE public.webhooks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id character varying(255) NOT NULL,
    slot smallint NOT NULL,
    url character varying(2000) NOT NULL,
    secret character varying(100) NOT NULL,
    types text[] NOT NULL,
    description character varying(500),
    status character varying(50) DEFAULT 'enabled'::character varying NOT NULL,
    failures_in_row integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    last_delivered_at timestamp with time zone,
    waiting integer DEFAULT 0 NOT NULL,
    busy_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    disabled_at timestamp with time zone,
    disabled_reason character varying(500),
    CONSTRAINT webhooks_check CHECK ((((status)::text = 'disabled'::text) = (disabled_at IS NOT NULL))),
    CONSTRAINT webhooks_check1 CHECK ((((status)::text = 'enabled'::text) OR (next_attempt_at IS NULL))),
    CONSTRAINT webhooks_failures_in_row_check CHECK ((failures_in_row >= 0)),
    CONSTRAINT webhooks_slot_check CHECK (((slot >= 1) AND (slot <= 20))),
    CONSTRAINT webhooks_status_check CHECK (((status)::text = ANY ((ARRAY['enabled'::character varying, 'disabled'::character varying])::text[]))),
    CONSTRAINT webhooks_types_check CHECK ((cardinality(types) > 0)),
    CONSTRAINT webhooks_waiting_check CHECK ((waiting >= 0))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='200', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.webhooks FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.webhooks IS 'Where tenants want to be told of events';

COMMENT ON COLUMN public.webhooks.slot IS 'One of the places a tenant has: the unique index bounds their number whoever races';

COMMENT ON COLUMN public.webhooks.types IS 'Types of events that are wanted; {*}: all';

COMMENT ON COLUMN public.webhooks.failures_in_row IS 'Attempts that failed since the last that did not';

COMMENT ON COLUMN public.webhooks.failing_since IS 'When the first of those failed';

COMMENT ON COLUMN public.webhooks.waiting IS 'Its deliveries that are not finished';

COMMENT ON COLUMN public.webhooks.busy_until IS 'No attempt begins before: one is in flight, or it rests after failures';

COMMENT ON COLUMN public.webhooks.next_attempt_at IS 'When the next attempt is due: the earliest of its deliveries, not before busy_until';

CREATE FUNCTION public.note_act() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    -- Secrets, what follows from other columns, and the row's own housekeeping.
    hidden CONSTANT text[] := ARRAY['secret', 'is_free', 'class_id', 'placement_score', 'during', 'decision', 'created_at', 'updated_at'];
    act    jsonb := coalesce(NULLIF(current_setting('app.act', true), '')::jsonb, '{}');
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    entity  jsonb := CASE TG_OP WHEN 'DELETE' THEN old_row ELSE new_row END;
    was     jsonb;
    became  jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, new_row -> key) INTO was, became
          FROM jsonb_each(old_row - hidden) WHERE value IS DISTINCT FROM new_row -> key;
        IF was IS NULL THEN
            RETURN NULL;
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        became := jsonb_strip_nulls(new_row - hidden);
    ELSE
        was := jsonb_strip_nulls(old_row - hidden);
    END IF;
    INSERT INTO audit_log (at, operator, route, correlation_id, kind, entity_id, tenant_id, change, before, after)
    VALUES (scheduler_clock(), current_setting('app.operator'), act ->> 'route', NULLIF(act ->> 'correlationId', ''),
            TG_ARGV[0], entity ->> TG_ARGV[1], entity ->> 'tenant_id', lower(TG_OP), was, became);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION public.note_act() IS 'Writes down what an operator''s statement did to a row; arguments: kind, column of the id';

CREATE FUNCTION public.operators_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_user = 'scheduler_app' AND coalesce(current_setting('app.operator', true), '') = '' THEN
        RAISE EXCEPTION 'only operators change %', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION public.operators_only() IS 'Lets requests of nobody but operators write a row; schedules, queues and migrations are no requests';

CREATE FUNCTION public.raise_wall(p_table regclass, p_own text DEFAULT 'tenant_id = acting_tenant'::text) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    tenant   text := 'NULLIF(current_setting(''app.tenant'', true), '''')';
    operator text := 'NULLIF(current_setting(''app.operator'', true), '''')';
    own      text := replace(p_own, 'acting_tenant', tenant);
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY app ON %s TO scheduler_app USING (CASE WHEN %s OR %s IS NOT NULL THEN true END IS NOT NULL)',
                   p_table, own, operator);
    EXECUTE format('CREATE POLICY worker ON %s TO scheduler_worker USING (CASE WHEN %s IS NULL OR %s THEN true END IS NOT NULL)',
                   p_table, tenant, own);
    EXECUTE format('CREATE POLICY engine ON %s TO scheduler_engine USING (true)', p_table);
    EXECUTE format('CREATE POLICY readonly ON %s FOR SELECT TO scheduler_readonly USING (true)', p_table);
    EXECUTE format('CREATE POLICY migrating ON %s TO CURRENT_USER USING (true)', p_table);
END $$;

COMMENT ON FUNCTION public.raise_wall(p_table regclass, p_own text) IS 'Gives a table with rows of tenants its row-level security; later migrations call it for theirs';

CREATE TABLE public.quota_plans (
    name character varying(50) NOT NULL,
    max_devices integer,
    max_concurrent_devices integer,
    max_cpu_cores_per_device integer,
    max_memory_mb_per_device integer,
    max_storage_gb_per_device integer,
    total_cpu_cores integer,
    total_memory_gb integer,
    total_storage_gb integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT quota_plans_max_concurrent_devices_check CHECK ((max_concurrent_devices >= 0)),
    CONSTRAINT quota_plans_max_cpu_cores_per_device_check CHECK ((max_cpu_cores_per_device >= 0)),
    CONSTRAINT quota_plans_max_devices_check CHECK ((max_devices >= 0)),
    CONSTRAINT quota_plans_max_memory_mb_per_device_check CHECK ((max_memory_mb_per_device >= 0)),
    CONSTRAINT quota_plans_max_storage_gb_per_device_check CHECK ((max_storage_gb_per_device >= 0)),
    CONSTRAINT quota_plans_total_cpu_cores_check CHECK ((total_cpu_cores >= 0)),
    CONSTRAINT quota_plans_total_memory_gb_check CHECK ((total_memory_gb >= 0)),
    CONSTRAINT quota_plans_total_storage_gb_check CHECK ((total_storage_gb >= 0))
);

COMMENT ON TABLE public.quota_plans IS 'Built-in plans; NULL: no limit';

CREATE FUNCTION public.record_usage() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

COMMENT ON FUNCTION public.record_usage() IS 'Writes what the last segment of an allocation is billed, beside its end';

CREATE TABLE public.device_heartbeats (
    device_id character varying(255) NOT NULL,
    cpu_usage real NOT NULL,
    memory_usage real NOT NULL,
    storage_usage real NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    CONSTRAINT device_heartbeats_cpu_usage_check CHECK (((cpu_usage >= (0)::double precision) AND (cpu_usage <= (100)::double precision))),
    CONSTRAINT device_heartbeats_memory_usage_check CHECK (((memory_usage >= (0)::double precision) AND (memory_usage <= (100)::double precision))),
    CONSTRAINT device_heartbeats_storage_usage_check CHECK (((storage_usage >= (0)::double precision) AND (storage_usage <= (100)::double precision)))
);

COMMENT ON TABLE public.device_heartbeats IS 'Load of each device in percent; apart from devices, because a changed device row is skipped by claims';

CREATE FUNCTION public.set_default_tenant() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.tenant_id := 'default';
    RETURN NEW;
END $$;

CREATE FUNCTION public.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at := scheduler_clock();
    RETURN NEW;
END $$;

CREATE TABLE public.placement_strategy (
    only_row boolean DEFAULT true NOT NULL,
    name character varying(50) DEFAULT 'resource_based'::character varying NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    chosen_by character varying(255),
    chosen character varying(50),
    because character varying(50),
    terms jsonb,
    trial_share double precision,
    weights public.claim_weights GENERATED ALWAYS AS (ROW(((terms ->> 'failure'::text))::double precision, ((terms ->> 'hazard'::text))::double precision, ((terms ->> 'fixed'::text))::double precision, ((terms ->> 'stickiness'::text))::double precision, ((terms ->> 'gap'::text))::double precision, ((terms ->> 'use'::text))::double precision, ((terms ->> 'own'::text))::double precision, ((terms ->> 'share'::text))::double precision)::public.claim_weights) STORED,
    CONSTRAINT placement_strategy_only_row_check CHECK (only_row),
    CONSTRAINT placement_strategy_trial_share_check CHECK (((trial_share >= (0)::double precision) AND (trial_share < (1)::double precision)))
);

COMMENT ON TABLE public.placement_strategy IS 'The strategy that placement scores follow';

COMMENT ON COLUMN public.placement_strategy.name IS 'The strategy that is followed: by it devices are scored and lent';

COMMENT ON COLUMN public.placement_strategy.chosen_by IS 'Subject of the operator who chose; NULL: nobody has, and the deployment''s PLACEMENT_STRATEGY decides';

COMMENT ON COLUMN public.placement_strategy.chosen IS '"smart" when that was chosen, which may be given up for another meanwhile; NULL: what is followed was';

COMMENT ON COLUMN public.placement_strategy.because IS 'Why another than the chosen one is followed: model_missing, model_stale, calibration_alarm';

COMMENT ON COLUMN public.placement_strategy.terms IS 'What a claim needs of the published model: its name, weights, and what a device that nobody knows is expected to cost';

COMMENT ON COLUMN public.placement_strategy.trial_share IS 'Share of requests that the learned strategy lends to; 0: none, it only says what it would have lent; NULL: it is not tried';

COMMENT ON COLUMN public.placement_strategy.weights IS 'The numbers of "terms", for claims';

CREATE TABLE public.placement_learning (
    only_row boolean DEFAULT true NOT NULL,
    ended_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    ended_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    sessions bigint DEFAULT 0 NOT NULL,
    watched jsonb DEFAULT '[]'::jsonb NOT NULL,
    appraised_id character varying(255) DEFAULT ''::character varying NOT NULL,
    trial jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT placement_learning_only_row_check CHECK (only_row)
);

COMMENT ON TABLE public.placement_learning IS 'Up to which ended allocation records are kept: each counts once';

COMMENT ON COLUMN public.placement_learning.watched IS 'Of the last sessions: the chance to fail that the model gave, and whether it did';

COMMENT ON COLUMN public.placement_learning.appraised_id IS 'The last device of the round of appraisals, in the order of id; empty: a round begins';

COMMENT ON COLUMN public.placement_learning.trial IS 'How the sessions of a trial ended, by arm ("arms"), and which trial it is: when it was chosen ("from")';

CREATE TABLE public.notifications (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    fact character varying(255) NOT NULL,
    type character varying(50) NOT NULL,
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    language character varying(10) NOT NULL,
    title character varying(200) NOT NULL,
    message character varying(4000) NOT NULL,
    data jsonb NOT NULL,
    channels character varying(20)[] NOT NULL,
    priority character varying(20) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    read_at timestamp with time zone,
    told_at timestamp with time zone,
    CONSTRAINT notifications_priority_check CHECK (((priority)::text = ANY ((ARRAY['normal'::character varying, 'high'::character varying])::text[])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY public.notifications FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.notifications IS 'What users were told, in their language; deleted after their retention';

COMMENT ON COLUMN public.notifications.fact IS 'What is told once: the id of the event, or what several events share that are one fact';

COMMENT ON COLUMN public.notifications.type IS 'Entry of the catalogue, domain/notices.json';

COMMENT ON COLUMN public.notifications.data IS 'Members of the event, by their wire names; never an address or a token';

COMMENT ON COLUMN public.notifications.told_at IS 'When the notification service acknowledged it; NULL: not yet, or there is none';

CREATE TABLE public.allocation_counters (
    tenant_id character varying(255) NOT NULL,
    shard smallint NOT NULL,
    granted bigint DEFAULT 0 NOT NULL,
    released bigint DEFAULT 0 NOT NULL,
    expired bigint DEFAULT 0 NOT NULL,
    revoked bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='50', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.allocation_counters FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.allocation_counters IS 'Running totals a tenant, spread over shards so that a busy tenant is not one hot row';

CREATE TABLE public.allocation_renewals (
    allocation_id uuid NOT NULL,
    number integer NOT NULL,
    renewed_at timestamp with time zone NOT NULL,
    additional_minutes integer NOT NULL,
    old_expires_at timestamp with time zone NOT NULL,
    new_expires_at timestamp with time zone NOT NULL,
    reason character varying(500),
    CONSTRAINT allocation_renewals_additional_minutes_check CHECK ((additional_minutes > 0)),
    CONSTRAINT allocation_renewals_check CHECK ((new_expires_at > old_expires_at)),
    CONSTRAINT allocation_renewals_number_check CHECK ((number > 0))
);

ALTER TABLE ONLY public.allocation_renewals FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.allocation_renewals IS 'Each renewal of an allocation, numbered from 1; goes when the allocation goes';

COMMENT ON COLUMN public.allocation_renewals.reason IS 'What the caller gave as its reason';

CREATE TABLE public.audit_log (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    at timestamp with time zone NOT NULL,
    operator character varying(255) NOT NULL,
    route character varying(255),
    correlation_id character varying(100),
    kind character varying(50) NOT NULL,
    entity_id character varying(255) NOT NULL,
    tenant_id character varying(255),
    change character varying(10) NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT audit_log_change_check CHECK (((change)::text = ANY ((ARRAY['insert'::character varying, 'update'::character varying, 'delete'::character varying])::text[]))),
    CONSTRAINT audit_log_check CHECK (((before IS NULL) = ((change)::text = 'insert'::text))),
    CONSTRAINT audit_log_check1 CHECK (((after IS NULL) = ((change)::text = 'delete'::text)))
);

ALTER TABLE ONLY public.audit_log FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.audit_log IS 'What operators changed, a row an entity; it only grows, until retention';

COMMENT ON COLUMN public.audit_log.operator IS 'Subject of the operator''s token';

COMMENT ON COLUMN public.audit_log.route IS 'Method and path of the request, which may change several rows';

COMMENT ON COLUMN public.audit_log.correlation_id IS 'Of the request, as in the log''s lines';

COMMENT ON COLUMN public.audit_log.kind IS 'What was changed: device, allocation, queue_entry, …';

COMMENT ON COLUMN public.audit_log.tenant_id IS 'Whose it is; NULL: the platform''s';

COMMENT ON COLUMN public.audit_log.before IS 'The changed columns as they were; NULL: there was nothing';

COMMENT ON COLUMN public.audit_log.after IS 'The changed columns as they are; NULL: nothing is left';

CREATE TABLE public.audit_runs (
    id bigint NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    walks jsonb DEFAULT '{}'::jsonb NOT NULL,
    findings jsonb DEFAULT '[]'::jsonb NOT NULL
);

COMMENT ON TABLE public.audit_runs IS 'Full runs of the audit; one that was cut goes on where it stopped. Kept 30 days';

COMMENT ON COLUMN public.audit_runs.version IS 'Counts the saves: of two runs at once only one goes on';

COMMENT ON COLUMN public.audit_runs.walks IS 'How far each order of rows has been walked, from the newest or last row down';

COMMENT ON COLUMN public.audit_runs.findings IS 'What each check found so far: count, and the first rows by their ids';

ALTER TABLE public.audit_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.cursor_keys (
    id integer NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT cursor_keys_secret_check CHECK ((octet_length(secret) >= 32))
);

COMMENT ON TABLE public.cursor_keys IS 'Keys that sign the cursors of lists; the newest signs, an older one is believed until it is deleted';

ALTER TABLE public.cursor_keys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cursor_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.fleet_policy (
    only_row boolean DEFAULT true NOT NULL,
    recycles boolean DEFAULT false NOT NULL,
    recycle_minutes integer DEFAULT 30 NOT NULL,
    CONSTRAINT fleet_policy_only_row_check CHECK (only_row),
    CONSTRAINT fleet_policy_recycle_minutes_check CHECK (((recycle_minutes >= 1) AND (recycle_minutes <= 1440)))
);

COMMENT ON TABLE public.fleet_policy IS 'What holds for all devices, set by the migrate function';

COMMENT ON COLUMN public.fleet_policy.recycles IS 'A device that comes back is lent again only after it was wiped';

COMMENT ON COLUMN public.fleet_policy.recycle_minutes IS 'A device that takes longer to be wiped is quarantined';

CREATE TABLE public.idempotency_keys (
    tenant_id character varying(255) NOT NULL,
    caller character varying(300) NOT NULL,
    route character varying(100) NOT NULL,
    key character varying(255) NOT NULL,
    body_hash character varying(64) NOT NULL,
    answer jsonb,
    created_at timestamp with time zone NOT NULL
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.idempotency_keys IS 'The facts a keyed request was answered with, written in the transaction of its effect; kept 24 h';

CREATE TABLE public.inbox (
    consumer character varying(50) NOT NULL,
    event_id character varying(255) NOT NULL,
    received_at timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

COMMENT ON TABLE public.inbox IS 'Events each consumer has applied, so that a redelivery changes nothing';

CREATE TABLE public.incoming_newest (
    family character varying(50) NOT NULL,
    subject character varying(511) NOT NULL,
    newest_at timestamp with time zone NOT NULL,
    newest_id character varying(255) DEFAULT ''::character varying NOT NULL
)
WITH (fillfactor='80');

COMMENT ON TABLE public.incoming_newest IS 'The time of the newest event from outside that was applied for a subject: older ones change nothing';

COMMENT ON COLUMN public.incoming_newest.newest_id IS 'Its id, which decides between events of the same instant';

CREATE TABLE public.leases (
    name character varying(50) NOT NULL,
    holder character varying(100) NOT NULL,
    held_until timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='50', autovacuum_vacuum_cost_delay='0');

COMMENT ON TABLE public.leases IS 'Who may run a job of which there is one at a time, and until when';

CREATE TABLE public.notification_preferences (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    language character varying(10) NOT NULL,
    channels character varying(20)[],
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT notification_preferences_language_check CHECK (((language)::text = ANY ((ARRAY['en'::character varying, 'zh'::character varying])::text[])))
);

ALTER TABLE ONLY public.notification_preferences FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.notification_preferences IS 'How a user wishes to be told; who has no row is told as the parameters say';

COMMENT ON COLUMN public.notification_preferences.channels IS 'Channels she takes notices on; NULL: all that the notice has';

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() NOT NULL,
    type character varying(100) NOT NULL,
    subject character varying(255) NOT NULL,
    group_id character varying(511) NOT NULL,
    tenant_id character varying(255),
    data jsonb NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    published_at timestamp with time zone
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0', autovacuum_analyze_scale_factor='0.01');

ALTER TABLE ONLY public.outbox FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.outbox IS 'Events that committed with their change; the relay publishes them in the order of id';

COMMENT ON COLUMN public.outbox.group_id IS 'Ordering group: the device''s id, or <tenant>|<user> for what concerns no device';

ALTER TABLE public.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.payment_failures (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    event_id character varying(255) NOT NULL,
    failed_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.payment_failures FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.payment_failures IS 'Failed payments since the last that went through, the newest three of a user: a row an event, however often it comes';

CREATE TABLE public.placement_appraisals (
    device_id character varying(255) NOT NULL,
    hazard double precision NOT NULL,
    drawn double precision NOT NULL,
    failure double precision NOT NULL,
    start double precision NOT NULL,
    wear double precision NOT NULL,
    fit double precision NOT NULL,
    score double precision NOT NULL
)
WITH (fillfactor='70');

COMMENT ON TABLE public.placement_appraisals IS 'What lending a device is expected to cost by the published model, as of the last round';

COMMENT ON COLUMN public.placement_appraisals.hazard IS 'Failures expected in an hour';

COMMENT ON COLUMN public.placement_appraisals.drawn IS 'The same by a draw of what is believed: what a request that explores goes by';

COMMENT ON COLUMN public.placement_appraisals.score IS 'The costs of a usual session, negative; higher is lent first';

CREATE TABLE public.placement_models (
    name character varying(100) NOT NULL,
    document jsonb NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    published_by character varying(255) NOT NULL,
    published_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.placement_models IS 'Learned placement models, each a document of domain/placement_document';

COMMENT ON COLUMN public.placement_models.is_active IS 'The one that records are kept by; none: nothing is learned';

CREATE TABLE public.placement_records (
    scope character varying(10) NOT NULL,
    id character varying(255) NOT NULL,
    failed double precision NOT NULL,
    at_risk double precision NOT NULL,
    starts double precision NOT NULL,
    start_seconds double precision NOT NULL,
    used_hours double precision NOT NULL,
    as_of double precision NOT NULL,
    CONSTRAINT placement_records_scope_check CHECK (((scope)::text = ANY ((ARRAY['device'::character varying, 'host'::character varying, 'kind'::character varying])::text[])))
);

COMMENT ON TABLE public.placement_records IS 'How a device, or all of a host or a model, have served: counts that fade';

COMMENT ON COLUMN public.placement_records.failed IS 'Sessions in which it failed; fading, so not whole';

COMMENT ON COLUMN public.placement_records.at_risk IS 'Standard hours of use; fading';

COMMENT ON COLUMN public.placement_records.used_hours IS 'Of use in all; does not fade';

COMMENT ON COLUMN public.placement_records.as_of IS 'Up to when it has faded, in seconds since 1970';

CREATE TABLE public.placement_rescoring (
    only_row boolean DEFAULT true NOT NULL,
    after_id character varying(255) DEFAULT ''::character varying NOT NULL,
    rescored integer DEFAULT 0 NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone,
    done_at timestamp with time zone,
    CONSTRAINT placement_rescoring_check CHECK ((done_at >= started_at)),
    CONSTRAINT placement_rescoring_only_row_check CHECK (only_row),
    CONSTRAINT placement_rescoring_rescored_check CHECK ((rescored >= 0)),
    CONSTRAINT placement_rescoring_total_check CHECK ((total >= 0))
);

COMMENT ON TABLE public.placement_rescoring IS 'How far the devices'' scores follow the strategy that was chosen last';

COMMENT ON COLUMN public.placement_rescoring.after_id IS 'The last device of the batches that were done, in the order of id';

COMMENT ON COLUMN public.placement_rescoring.total IS 'Devices that there were at the start';

COMMENT ON COLUMN public.placement_rescoring.started_at IS 'NULL: no other strategy was ever chosen';

COMMENT ON COLUMN public.placement_rescoring.done_at IS 'NULL, and begun: batches are left';

CREATE TABLE public.placement_uses (
    tenant_id character varying(255) NOT NULL,
    step integer NOT NULL,
    sessions double precision NOT NULL,
    shares double precision NOT NULL,
    as_of double precision NOT NULL,
    share double precision NOT NULL,
    CONSTRAINT placement_uses_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision))),
    CONSTRAINT placement_uses_step_check CHECK ((step > 0))
);

ALTER TABLE ONLY public.placement_uses FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.placement_uses IS 'How much of the asked minutes is used, by tenant and step of asked minutes: counts that fade';

COMMENT ON COLUMN public.placement_uses.step IS 'Asked minutes up to this; longer ones count with the last';

COMMENT ON COLUMN public.placement_uses.sessions IS 'That ended by themselves; fading, so not whole';

COMMENT ON COLUMN public.placement_uses.shares IS 'Sum of the shares that they used; fading';

COMMENT ON COLUMN public.placement_uses.as_of IS 'Up to when it has faded, in seconds since 1970';

COMMENT ON COLUMN public.placement_uses.share IS 'What claims expect: the mean, drawn towards what the model says';

CREATE TABLE public.queue_gate (
    only_row boolean DEFAULT true NOT NULL,
    CONSTRAINT queue_gate_only_row_check CHECK (only_row)
);

COMMENT ON TABLE public.queue_gate IS 'One row, locked by whoever serves the queue: dispatchers at the same time keep one order of service';

CREATE TABLE public.quotas (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    plan_name character varying(50),
    status character varying(50) DEFAULT 'active'::character varying NOT NULL,
    valid_until timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    limits jsonb,
    CONSTRAINT quotas_limits_check CHECK ((jsonb_typeof(limits) = 'object'::text)),
    CONSTRAINT quotas_status_check CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'exceeded'::character varying, 'suspended'::character varying, 'expired'::character varying])::text[])))
);

ALTER TABLE ONLY public.quotas FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.quotas IS 'Which built-in plan a user has; a user without a row has the default plan';

COMMENT ON COLUMN public.quotas.plan_name IS 'NULL: the default plan';

COMMENT ON COLUMN public.quotas.limits IS 'Limits of her own in place of the plan''s, by their names in a quota document; -1: none';

CREATE TABLE public.reconciliations (
    id bigint NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    walk character varying(20) DEFAULT 'ends'::character varying NOT NULL,
    reached_at timestamp with time zone,
    reached_id uuid,
    examined bigint DEFAULT 0 NOT NULL,
    mismatches bigint DEFAULT 0 NOT NULL,
    named jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT reconciliations_walk_check CHECK (((walk)::text = ANY ((ARRAY['ends'::character varying, 'records'::character varying])::text[])))
);

COMMENT ON TABLE public.reconciliations IS 'Walks that hold usage records against allocations; one that was cut goes on where it stopped. Kept 400 days';

COMMENT ON COLUMN public.reconciliations.version IS 'Counts the saves: of two runs at once only one goes on';

COMMENT ON COLUMN public.reconciliations.walk IS 'ends: each ended allocation against its records | records: each record back';

COMMENT ON COLUMN public.reconciliations.reached_id IS 'The allocation of the last row examined, at reached_at';

COMMENT ON COLUMN public.reconciliations.named IS 'The first allocations whose records mismatch, and why';

ALTER TABLE public.reconciliations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reconciliations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.redrives (
    name character varying(50) NOT NULL,
    most integer NOT NULL,
    begun_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.redrives IS 'The last redrive of each queue, written before a message moves: so the audit log has every one';

COMMENT ON COLUMN public.redrives.most IS 'How many messages it was to send back at most';

CREATE TABLE public.retention_marks (
    kind character varying(50) NOT NULL,
    deleted_until timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.retention_marks IS 'Up to when cleanups have deleted rows: older ones prove nothing by being absent';

CREATE TABLE public.schema_migrations (
    name character varying(100) NOT NULL,
    checksum character varying(64) NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.schema_routines (
    name character varying(100) NOT NULL,
    checksum character varying(64) NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.spec_classes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.spec_classes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.statistics_snapshots (
    hour timestamp with time zone NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    figures jsonb NOT NULL
);

COMMENT ON TABLE public.statistics_snapshots IS 'The fleet at each full hour';

CREATE TABLE public.usage_records (
    allocation_id uuid NOT NULL,
    segment integer NOT NULL,
    kind character varying(10) DEFAULT 'usage'::character varying NOT NULL,
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    device_id character varying(255) NOT NULL,
    device_name character varying(255) NOT NULL,
    cpu_cores integer NOT NULL,
    memory_mb integer NOT NULL,
    storage_mb integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    seconds integer NOT NULL,
    reason character varying(500),
    recorded_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone,
    device_failed boolean,
    CONSTRAINT usage_records_check CHECK ((ended_at >= started_at)),
    CONSTRAINT usage_records_kind_check CHECK (((kind)::text = ANY ((ARRAY['usage'::character varying, 'credit'::character varying])::text[]))),
    CONSTRAINT usage_records_seconds_check CHECK ((seconds >= 0)),
    CONSTRAINT usage_records_segment_check CHECK ((segment > 0))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.usage_records FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.usage_records IS 'What is billed: each ended segment once, and credits beside; outlives its allocation';

COMMENT ON COLUMN public.usage_records.segment IS 'Counts the devices that served the allocation, from 1';

COMMENT ON COLUMN public.usage_records.kind IS 'usage: the time of the segment | credit: the part of it in which the device had failed';

COMMENT ON COLUMN public.usage_records.seconds IS 'The usage rows of an allocation add up to its duration_seconds; a credit is given back';

COMMENT ON COLUMN public.usage_records.delivered_at IS 'When the billing service acknowledged it';

COMMENT ON COLUMN public.usage_records.device_failed IS 'true: the device failed its holder in this segment, which counts against it';

CREATE TABLE public.user_standing (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    suspended_at timestamp with time zone,
    deleted_at timestamp with time zone,
    activated_at timestamp with time zone,
    overdue_at timestamp with time zone,
    paid_at timestamp with time zone,
    quota_told_at timestamp with time zone,
    quota_told_by character varying(255)
)
WITH (fillfactor='80');

ALTER TABLE ONLY public.user_standing FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.user_standing IS 'When each thing was told of a user last, whatever came first: what stands follows from the times alone';

COMMENT ON COLUMN public.user_standing.activated_at IS 'Lifts a suspension or deletion that is older';

COMMENT ON COLUMN public.user_standing.paid_at IS 'Settles debts and failed payments that are not newer';

COMMENT ON COLUMN public.user_standing.quota_told_by IS 'The event that told the newest limits: only it ends what exceeds them';

CREATE TABLE public.webhook_deliveries (
    webhook_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type character varying(100) NOT NULL,
    body text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone,
    delivered_at timestamp with time zone,
    failed_at timestamp with time zone,
    last_status smallint,
    last_reason character varying(100),
    CONSTRAINT webhook_deliveries_check CHECK ((num_nonnulls(next_attempt_at, delivered_at, failed_at) = 1))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='200', autovacuum_vacuum_cost_delay='0');

ALTER TABLE ONLY public.webhook_deliveries FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.webhook_deliveries IS 'One row for each event and webhook that wants it; it waits, was delivered, or failed for good';

COMMENT ON COLUMN public.webhook_deliveries.body IS 'What is signed and sent, byte for byte';

COMMENT ON COLUMN public.webhook_deliveries.attempts IS 'Attempts that were begun; the number of the running one tells it from earlier ones';

ALTER TABLE ONLY public.allocation_counters
    ADD CONSTRAINT allocation_counters_pkey PRIMARY KEY (tenant_id, shard);

ALTER TABLE ONLY public.allocation_renewals
    ADD CONSTRAINT allocation_renewals_pkey PRIMARY KEY (allocation_id, number);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_runs
    ADD CONSTRAINT audit_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cursor_keys
    ADD CONSTRAINT cursor_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.device_allocations
    ADD CONSTRAINT device_allocations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.device_heartbeats
    ADD CONSTRAINT device_heartbeats_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.fleet_policy
    ADD CONSTRAINT fleet_policy_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, caller, route, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);

ALTER TABLE ONLY public.incoming_newest
    ADD CONSTRAINT incoming_newest_pkey PRIMARY KEY (family, subject);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.notification_preferences
    ADD CONSTRAINT notification_preferences_pkey PRIMARY KEY (tenant_id, user_id);

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_fact_type_key UNIQUE (fact, type);

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outlook_lessons
    ADD CONSTRAINT outlook_lessons_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.payment_failures
    ADD CONSTRAINT payment_failures_pkey PRIMARY KEY (tenant_id, user_id, event_id);

ALTER TABLE ONLY public.placement_appraisals
    ADD CONSTRAINT placement_appraisals_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.placement_learning
    ADD CONSTRAINT placement_learning_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.placement_models
    ADD CONSTRAINT placement_models_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.placement_records
    ADD CONSTRAINT placement_records_pkey PRIMARY KEY (scope, id);

ALTER TABLE ONLY public.placement_rescoring
    ADD CONSTRAINT placement_rescoring_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.placement_strategy
    ADD CONSTRAINT placement_strategy_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.placement_uses
    ADD CONSTRAINT placement_uses_pkey PRIMARY KEY (tenant_id, step);

ALTER TABLE ONLY public.queue_entries
    ADD CONSTRAINT queue_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.queue_gate
    ADD CONSTRAINT queue_gate_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.quota_plans
    ADD CONSTRAINT quota_plans_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.quota_usage
    ADD CONSTRAINT quota_usage_pkey PRIMARY KEY (tenant_id, user_id);

ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, user_id);

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.redrives
    ADD CONSTRAINT redrives_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_never_overlap EXCLUDE USING gist (device_id WITH =, during WITH &&) WHERE (((status)::text = ANY ((ARRAY['pending'::character varying, 'executing'::character varying])::text[])));

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.retention_marks
    ADD CONSTRAINT retention_marks_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.schema_routines
    ADD CONSTRAINT schema_routines_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.spec_classes
    ADD CONSTRAINT spec_classes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.spec_classes
    ADD CONSTRAINT spec_classes_pool_device_type_cpu_cores_memory_mb_storage_m_key UNIQUE (pool, device_type, cpu_cores, memory_mb, storage_mb);

ALTER TABLE ONLY public.statistics_snapshots
    ADD CONSTRAINT statistics_snapshots_pkey PRIMARY KEY (hour);

ALTER TABLE ONLY public.usage_records
    ADD CONSTRAINT usage_records_pkey PRIMARY KEY (allocation_id, segment, kind);

ALTER TABLE ONLY public.user_standing
    ADD CONSTRAINT user_standing_pkey PRIMARY KEY (tenant_id, user_id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, event_id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_tenant_id_slot_key UNIQUE (tenant_id, slot);

CREATE INDEX audit_log_by_entity ON public.audit_log USING btree (entity_id, at DESC, id DESC);

CREATE INDEX audit_log_by_operator ON public.audit_log USING btree (operator, at DESC, id DESC);

CREATE INDEX audit_log_by_time ON public.audit_log USING btree (at DESC, id DESC);

CREATE UNIQUE INDEX device_allocations_active_device ON public.device_allocations USING btree (device_id) WHERE ((status)::text = 'allocated'::text);

CREATE INDEX device_allocations_active_user ON public.device_allocations USING btree (user_id, tenant_id, expires_at) WHERE ((status)::text = 'allocated'::text);

CREATE INDEX device_allocations_by_device ON public.device_allocations USING btree (device_id, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_by_tenant ON public.device_allocations USING btree (tenant_id, status, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_by_time ON public.device_allocations USING btree (status, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_by_user ON public.device_allocations USING btree (user_id, tenant_id, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_due ON public.device_allocations USING btree (expires_at) WHERE ((status)::text = 'allocated'::text);

CREATE INDEX device_allocations_ended ON public.device_allocations USING btree (released_at) WHERE ((status)::text <> 'allocated'::text);

CREATE INDEX device_allocations_unwarned ON public.device_allocations USING btree (expires_at) WHERE (((status)::text = 'allocated'::text) AND (NOT is_warned) AND ((expires_at - allocated_at) > '00:10:00'::interval));

CREATE INDEX devices_by_class ON public.devices USING btree (class_id, id);

CREATE INDEX devices_free_by_id ON public.devices USING btree (id) INCLUDE (class_id, next_reserved_at) WHERE is_free;

CREATE INDEX devices_free_by_score ON public.devices USING btree (class_id, placement_score DESC) INCLUDE (next_reserved_at) WHERE is_free;

CREATE UNIQUE INDEX devices_held_for ON public.devices USING btree (held_for) WHERE (held_for IS NOT NULL);

CREATE INDEX devices_in_service ON public.devices USING btree (class_id, busy_until NULLS FIRST, id) WHERE (((status)::text = 'running'::text) AND ((life)::text = 'in_service'::text));

CREATE INDEX devices_not_running ON public.devices USING btree (status, id) WHERE ((status)::text <> 'running'::text);

CREATE INDEX devices_out_of_service ON public.devices USING btree (life, id) WHERE ((life)::text <> 'in_service'::text);

CREATE INDEX devices_recycling ON public.devices USING btree (recycling_since) WHERE ((life)::text = 'recycling'::text);

CREATE INDEX devices_to_clear ON public.devices USING btree (life, id) WHERE (((life)::text = ANY ((ARRAY['quarantined'::character varying, 'deleted'::character varying])::text[])) AND (active_allocation_id IS NOT NULL));

CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX inbox_by_age ON public.inbox USING btree (received_at);

CREATE INDEX notifications_by_age ON public.notifications USING btree (created_at);

CREATE INDEX notifications_by_user ON public.notifications USING btree (tenant_id, user_id, created_at DESC, id DESC);

CREATE INDEX notifications_unread ON public.notifications USING btree (tenant_id, user_id, created_at DESC, id DESC) WHERE (read_at IS NULL);

CREATE INDEX outbox_by_group ON public.outbox USING btree (group_id, occurred_at, id);

CREATE INDEX outbox_of_promises ON public.outbox USING btree (subject) WHERE (starts_with((type)::text, 'scheduler.reservation.'::text) OR starts_with((type)::text, 'scheduler.queue.'::text));

CREATE INDEX outbox_published ON public.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);

CREATE INDEX outbox_unpublished ON public.outbox USING btree (id) WHERE (published_at IS NULL);

CREATE UNIQUE INDEX placement_models_active ON public.placement_models USING btree (is_active) WHERE is_active;

CREATE INDEX queue_entries_by_tenant ON public.queue_entries USING btree (tenant_id, status, joined_at DESC, id DESC);

CREATE INDEX queue_entries_by_time ON public.queue_entries USING btree (status, joined_at DESC, id DESC);

CREATE INDEX queue_entries_by_user ON public.queue_entries USING btree (user_id, tenant_id, joined_at DESC, id DESC);

CREATE INDEX queue_entries_due ON public.queue_entries USING btree (expires_at) WHERE ((status)::text = 'waiting'::text);

CREATE INDEX queue_entries_ended ON public.queue_entries USING btree (ended_at) WHERE ((status)::text <> 'waiting'::text);

CREATE UNIQUE INDEX queue_entries_one_live ON public.queue_entries USING btree (tenant_id, user_id) WHERE ((status)::text = 'waiting'::text);

CREATE INDEX queue_entries_waiting ON public.queue_entries USING btree (rank, id) WHERE ((status)::text = 'waiting'::text);

CREATE INDEX reservations_by_tenant ON public.reservations USING btree (tenant_id, status, starts_at, id);

CREATE INDEX reservations_by_time ON public.reservations USING btree (status, starts_at, id);

CREATE INDEX reservations_by_user ON public.reservations USING btree (user_id, tenant_id, starts_at, id);

CREATE INDEX reservations_ended ON public.reservations USING btree (ends_at) WHERE ((status)::text <> ALL ((ARRAY['pending'::character varying, 'executing'::character varying])::text[]));

CREATE INDEX reservations_executing ON public.reservations USING btree (allocation_id) WHERE ((status)::text = 'executing'::text);

CREATE INDEX reservations_pending_by_device ON public.reservations USING btree (device_id, starts_at) WHERE ((status)::text = 'pending'::text);

CREATE INDEX reservations_pending_by_start ON public.reservations USING btree (starts_at) WHERE ((status)::text = 'pending'::text);

CREATE INDEX reservations_to_remind ON public.reservations USING btree (remind_at) WHERE (((status)::text = 'pending'::text) AND (remind_at IS NOT NULL));

CREATE INDEX reservations_unclaimed ON public.reservations USING btree (user_id, tenant_id, executed_at) WHERE (((status)::text = 'executing'::text) AND (claimed_at IS NULL));

CREATE INDEX usage_records_by_end ON public.usage_records USING btree (ended_at, allocation_id);

CREATE INDEX usage_records_by_tenant ON public.usage_records USING btree (tenant_id, ended_at, allocation_id);

CREATE INDEX usage_records_untold ON public.usage_records USING btree (recorded_at) WHERE (delivered_at IS NULL);

CREATE INDEX webhook_deliveries_finished ON public.webhook_deliveries USING btree (COALESCE(delivered_at, failed_at)) WHERE (next_attempt_at IS NULL);

CREATE INDEX webhook_deliveries_waiting ON public.webhook_deliveries USING btree (webhook_id, next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE INDEX webhooks_by_tenant ON public.webhooks USING btree (tenant_id, created_at DESC, id DESC);

CREATE INDEX webhooks_by_time ON public.webhooks USING btree (created_at DESC, id DESC);

CREATE INDEX webhooks_due ON public.webhooks USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE TRIGGER audit_log_kept BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.keep_act();

CREATE TRIGGER device_allocations_acts AFTER INSERT OR DELETE OR UPDATE ON public.device_allocations FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('allocation', 'id');

CREATE TRIGGER device_allocations_adopted AFTER INSERT ON public.device_allocations FOR EACH ROW WHEN (((new.fencing_token = 0) AND ((new.status)::text = 'allocated'::text))) EXECUTE FUNCTION public.adopt_allocation();

CREATE TRIGGER device_allocations_default_tenant BEFORE INSERT ON public.device_allocations FOR EACH ROW WHEN ((new.tenant_id IS NULL)) EXECUTE FUNCTION public.set_default_tenant();

CREATE TRIGGER device_allocations_lock_for_adoption BEFORE INSERT ON public.device_allocations FOR EACH ROW WHEN (((new.fencing_token = 0) AND ((new.status)::text = 'allocated'::text))) EXECUTE FUNCTION public.lock_for_adoption();

CREATE TRIGGER device_allocations_updated_at BEFORE UPDATE ON public.device_allocations FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER device_allocations_usage AFTER UPDATE ON public.device_allocations FOR EACH ROW WHEN ((((old.status)::text = 'allocated'::text) AND ((new.status)::text <> 'allocated'::text))) EXECUTE FUNCTION public.record_usage();

CREATE TRIGGER devices_acts AFTER INSERT OR DELETE OR UPDATE ON public.devices FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('device', 'id');

CREATE TRIGGER devices_updated_at BEFORE UPDATE ON public.devices FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER notification_preferences_acts AFTER INSERT OR DELETE OR UPDATE ON public.notification_preferences FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('notification_preferences', 'user_id');

CREATE TRIGGER notifications_acts AFTER INSERT OR DELETE OR UPDATE ON public.notifications FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('notification', 'id');

CREATE TRIGGER placement_models_acts AFTER INSERT OR DELETE OR UPDATE ON public.placement_models FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('placement_model', 'name');

CREATE TRIGGER placement_strategy_acts AFTER INSERT OR DELETE OR UPDATE ON public.placement_strategy FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('placement_strategy', 'name');

CREATE TRIGGER queue_entries_acts AFTER INSERT OR DELETE OR UPDATE ON public.queue_entries FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('queue_entry', 'id');

CREATE TRIGGER quota_plans_acts AFTER INSERT OR DELETE OR UPDATE ON public.quota_plans FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('quota_plan', 'name');

CREATE TRIGGER quota_plans_by_operators BEFORE INSERT OR UPDATE ON public.quota_plans FOR EACH ROW EXECUTE FUNCTION public.operators_only();

CREATE TRIGGER quotas_acts AFTER INSERT OR DELETE OR UPDATE ON public.quotas FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('quota', 'user_id');

CREATE TRIGGER quotas_by_operators BEFORE INSERT OR UPDATE ON public.quotas FOR EACH ROW EXECUTE FUNCTION public.operators_only();

CREATE TRIGGER redrives_acts AFTER INSERT OR DELETE OR UPDATE ON public.redrives FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('dead_letters', 'name');

CREATE TRIGGER redrives_by_operators BEFORE INSERT OR UPDATE ON public.redrives FOR EACH ROW EXECUTE FUNCTION public.operators_only();

CREATE TRIGGER reservations_acts AFTER INSERT OR DELETE OR UPDATE ON public.reservations FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('reservation', 'id');

CREATE TRIGGER reservations_updated_at BEFORE UPDATE ON public.reservations FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER user_standing_by_operators BEFORE INSERT OR UPDATE ON public.user_standing FOR EACH ROW EXECUTE FUNCTION public.operators_only();

CREATE TRIGGER webhooks_acts AFTER INSERT OR DELETE OR UPDATE ON public.webhooks FOR EACH ROW WHEN ((COALESCE(current_setting('app.operator'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION public.note_act('webhook', 'id');

ALTER TABLE ONLY public.allocation_renewals
    ADD CONSTRAINT allocation_renewals_allocation_id_fkey FOREIGN KEY (allocation_id) REFERENCES public.device_allocations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.device_heartbeats
    ADD CONSTRAINT device_heartbeats_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.devices(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_class_id_fkey FOREIGN KEY (class_id) REFERENCES public.spec_classes(id);

ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_plan_name_fkey FOREIGN KEY (plan_name) REFERENCES public.quota_plans(name);

ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.devices(id);

ALTER TABLE public.allocation_counters ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.allocation_renewals ENABLE ROW LEVEL SECURITY;

CREATE POLICY app ON public.allocation_counters TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.allocation_renewals TO scheduler_app USING ((
CASE
    WHEN ((EXISTS ( SELECT
       FROM public.device_allocations a
      WHERE (a.id = allocation_renewals.allocation_id))) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.audit_log TO scheduler_app USING ((
CASE
    WHEN (false OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.device_allocations TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.devices TO scheduler_app USING ((
CASE
    WHEN ((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR public.is_involved((id)::text, held_for) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.idempotency_keys TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.notification_preferences TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.notifications TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.outbox TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.payment_failures TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.placement_uses TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.queue_entries TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.quota_usage TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.quotas TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.reservations TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.usage_records TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.user_standing TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.webhook_deliveries TO scheduler_app USING ((
CASE
    WHEN ((EXISTS ( SELECT
       FROM public.webhooks w
      WHERE (w.id = webhook_deliveries.webhook_id))) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY app ON public.webhooks TO scheduler_app USING ((
CASE
    WHEN (((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.device_allocations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.devices ENABLE ROW LEVEL SECURITY;

CREATE POLICY engine ON public.allocation_counters TO scheduler_engine USING (true);

CREATE POLICY engine ON public.allocation_renewals TO scheduler_engine USING (true);

CREATE POLICY engine ON public.audit_log TO scheduler_engine USING (true);

CREATE POLICY engine ON public.device_allocations TO scheduler_engine USING (true);

CREATE POLICY engine ON public.devices TO scheduler_engine USING (true);

CREATE POLICY engine ON public.idempotency_keys TO scheduler_engine USING (true);

CREATE POLICY engine ON public.notification_preferences TO scheduler_engine USING (true);

CREATE POLICY engine ON public.notifications TO scheduler_engine USING (true);

CREATE POLICY engine ON public.outbox TO scheduler_engine USING (true);

CREATE POLICY engine ON public.payment_failures TO scheduler_engine USING (true);

CREATE POLICY engine ON public.placement_uses TO scheduler_engine USING (true);

CREATE POLICY engine ON public.queue_entries TO scheduler_engine USING (true);

CREATE POLICY engine ON public.quota_usage TO scheduler_engine USING (true);

CREATE POLICY engine ON public.quotas TO scheduler_engine USING (true);

CREATE POLICY engine ON public.reservations TO scheduler_engine USING (true);

CREATE POLICY engine ON public.usage_records TO scheduler_engine USING (true);

CREATE POLICY engine ON public.user_standing TO scheduler_engine USING (true);

CREATE POLICY engine ON public.webhook_deliveries TO scheduler_engine USING (true);

CREATE POLICY engine ON public.webhooks TO scheduler_engine USING (true);

CREATE POLICY growth ON public.devices AS RESTRICTIVE FOR INSERT TO scheduler_app WITH CHECK (((CURRENT_USER <> 'scheduler_app'::name) OR (NULLIF(current_setting('app.operator'::text, true), ''::text) IS NOT NULL)));

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY migrating ON public.allocation_counters TO postgres USING (true);

CREATE POLICY migrating ON public.allocation_renewals TO postgres USING (true);

CREATE POLICY migrating ON public.audit_log TO postgres USING (true);

CREATE POLICY migrating ON public.device_allocations TO postgres USING (true);

CREATE POLICY migrating ON public.devices TO postgres USING (true);

CREATE POLICY migrating ON public.idempotency_keys TO postgres USING (true);

CREATE POLICY migrating ON public.notification_preferences TO postgres USING (true);

CREATE POLICY migrating ON public.notifications TO postgres USING (true);

CREATE POLICY migrating ON public.outbox TO postgres USING (true);

CREATE POLICY migrating ON public.payment_failures TO postgres USING (true);

CREATE POLICY migrating ON public.placement_uses TO postgres USING (true);

CREATE POLICY migrating ON public.queue_entries TO postgres USING (true);

CREATE POLICY migrating ON public.quota_usage TO postgres USING (true);

CREATE POLICY migrating ON public.quotas TO postgres USING (true);

CREATE POLICY migrating ON public.reservations TO postgres USING (true);

CREATE POLICY migrating ON public.usage_records TO postgres USING (true);

CREATE POLICY migrating ON public.user_standing TO postgres USING (true);

CREATE POLICY migrating ON public.webhook_deliveries TO postgres USING (true);

CREATE POLICY migrating ON public.webhooks TO postgres USING (true);

ALTER TABLE public.notification_preferences ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.notifications ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_failures ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.placement_uses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.queue_entries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.quota_usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.quotas ENABLE ROW LEVEL SECURITY;

CREATE POLICY readonly ON public.allocation_counters FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.allocation_renewals FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.audit_log FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.device_allocations FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.devices FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.idempotency_keys FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.notification_preferences FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.notifications FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.outbox FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.payment_failures FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.placement_uses FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.queue_entries FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.quota_usage FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.quotas FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.reservations FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.usage_records FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.user_standing FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.webhook_deliveries FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY readonly ON public.webhooks FOR SELECT TO scheduler_readonly USING (true);

CREATE POLICY relay ON public.outbox TO scheduler_relay USING (true);

ALTER TABLE public.reservations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.usage_records ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.user_standing ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON public.allocation_counters TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.allocation_renewals TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR (EXISTS ( SELECT
       FROM public.device_allocations a
      WHERE (a.id = allocation_renewals.allocation_id)))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.audit_log TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR false) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.device_allocations TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.devices TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR (tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text)) OR public.is_involved((id)::text, held_for)) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.idempotency_keys TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.notification_preferences TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.notifications TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.outbox TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.payment_failures TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.placement_uses TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.queue_entries TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.quota_usage TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.quotas TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.reservations TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.usage_records TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.user_standing TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.webhook_deliveries TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR (EXISTS ( SELECT
       FROM public.webhooks w
      WHERE (w.id = webhook_deliveries.webhook_id)))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));

CREATE POLICY worker ON public.webhooks TO scheduler_worker USING ((
CASE
    WHEN ((NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant'::text, true), ''::text))) THEN true
    ELSE NULL::boolean
END IS NOT NULL));
