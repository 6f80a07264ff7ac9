-- The whole schema, for reading: written from the migrations by `make schema`, compared by a test.

SET check_function_bodies = false;

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

CREATE TYPE public.request_key AS (
	tenant_id text,
	caller text,
	route text,
	key text,
	body_hash text
);

COMMENT ON TYPE public.request_key IS 'An Idempotency-Key with whom and what it belongs to';

CREATE FUNCTION public.acquire_lease(p_name text, p_holder text, p_seconds double precision) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    at timestamptz := scheduler_clock();
BEGIN
    INSERT INTO leases AS l (name, holder, held_until) VALUES (p_name, p_holder, at + make_interval(secs => p_seconds))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
     WHERE l.holder = excluded.holder OR l.held_until <= at;
    RETURN FOUND;
END $$;

CREATE FUNCTION public.adopt_allocation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    adopted device_allocations := NEW;
    at      timestamptz;
BEGIN
    PERFORM lock_usage(adopted.tenant_id, adopted.user_id);
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

CREATE FUNCTION public.available_devices(p_tenant text, p_wants public.device_wants, p_after text, p_limit integer) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    WITH classes AS (
        SELECT c.id FROM spec_classes c
         WHERE (p_tenant IS NULL OR c.pool IN ('', p_tenant))
           AND (p_wants.device_type IS NULL OR c.device_type = p_wants.device_type)
           AND c.cpu_cores >= coalesce(p_wants.min_cpu, 0) AND c.memory_mb >= coalesce(p_wants.min_memory_mb, 0)
    ), page AS (
        SELECT d.id, d.name, d.status, d.cpu_cores, d.memory_mb, d.storage_mb FROM devices d
         WHERE d.is_free AND d.id > p_after AND d.class_id IN (SELECT id FROM classes)
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at > scheduler_now())
         ORDER BY d.id LIMIT p_limit
    )
    SELECT jsonb_build_object(
        'devices', (SELECT coalesce(jsonb_agg(jsonb_build_array(
                        p.id, p.name, p.status, p.cpu_cores, p.memory_mb, p.storage_mb) ORDER BY p.id), '[]') FROM page p),
        'total', (SELECT count(*) FROM devices d
                   WHERE d.is_free AND d.class_id IN (SELECT id FROM classes)
                     AND (d.next_reserved_at IS NULL OR d.next_reserved_at > scheduler_now())))
$$;

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
    CONSTRAINT devices_adb_port_check CHECK (((adb_port >= 1) AND (adb_port <= 65535))),
    CONSTRAINT devices_cpu_cores_check CHECK ((cpu_cores > 0)),
    CONSTRAINT devices_fence_check CHECK ((fence >= 0)),
    CONSTRAINT devices_life_check CHECK (((life)::text = ANY ((ARRAY['in_service'::character varying, 'draining'::character varying, 'quarantined'::character varying, 'recycling'::character varying, 'deleted'::character varying])::text[]))),
    CONSTRAINT devices_memory_mb_check CHECK ((memory_mb > 0)),
    CONSTRAINT devices_status_check CHECK (((status)::text = ANY ((ARRAY['running'::character varying, 'stopped'::character varying, 'error'::character varying, 'maintenance'::character varying])::text[]))),
    CONSTRAINT devices_storage_mb_check CHECK ((storage_mb > 0))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.devices IS 'The fleet. Facts a claim decides by stand on the device''s own row, so that its lock covers them';

COMMENT ON COLUMN public.devices.tenant_id IS 'Dedicated to this tenant; NULL: shared by all';

COMMENT ON COLUMN public.devices.placement_score IS 'Higher is chosen first; written when its inputs change, never on the claim path';

COMMENT ON COLUMN public.devices.active_allocation_id IS 'The allocation that holds the device now';

COMMENT ON COLUMN public.devices.busy_until IS 'expires_at of the active allocation';

COMMENT ON COLUMN public.devices.next_reserved_at IS 'Start of the earliest coming reservation';

COMMENT ON COLUMN public.devices.held_for IS 'Queue entry that the device is kept for';

COMMENT ON COLUMN public.devices.fence IS 'Last fencing token given out; strictly increases';

COMMENT ON COLUMN public.devices.is_free IS 'The one definition of a device that may be lent now';

CREATE FUNCTION public.await_free_device(p_tenant text, p_wants public.device_wants, p_most public.device_size, p_until timestamp with time zone) RETURNS public.devices
    LANGUAGE plpgsql
    AS $$
DECLARE
    device devices;
BEGIN
    PERFORM set_config('lock_timeout', '250ms', true);
    SELECT taken.* INTO device
      FROM best_classes(p_tenant, p_wants, p_most, p_until) best
     CROSS JOIN LATERAL (
        SELECT * FROM devices d
         WHERE d.class_id = best.class_id AND d.is_free
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
         ORDER BY d.placement_score DESC LIMIT 1 FOR UPDATE) taken
     LIMIT 1;
    RETURN device;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN NULL;
END $$;

CREATE FUNCTION public.best_classes(p_tenant text, p_wants public.device_wants, p_most public.device_size, p_until timestamp with time zone) RETURNS TABLE(class_id integer, score double precision)
    LANGUAGE sql STABLE
    AS $$
    SELECT c.id, head.placement_score
      FROM fitting_classes(p_tenant, p_wants, p_most) c
     CROSS JOIN LATERAL (
        SELECT d.placement_score FROM devices d
         WHERE d.class_id = c.id AND d.is_free AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
         ORDER BY d.placement_score DESC LIMIT 1) head
     ORDER BY head.placement_score DESC
$$;

CREATE FUNCTION public.change_device(p_device text, p_changes jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    device devices;
    usage  device_heartbeats;
BEGIN
    SELECT * INTO device FROM devices WHERE id = p_device AND life <> 'deleted' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('outcome', 'device_not_found');
    END IF;
    SELECT * INTO usage FROM device_heartbeats WHERE device_id = p_device;
    device := jsonb_populate_record(device, p_changes);
    UPDATE devices d
       SET name = device.name, device_type = device.device_type, status = device.status, tenant_id = device.tenant_id,
           cpu_cores = device.cpu_cores, memory_mb = device.memory_mb, storage_mb = device.storage_mb,
           adb_host = device.adb_host, adb_port = device.adb_port, host = device.host, model = device.model,
           labels = device.labels,
           class_id = device_class(device.tenant_id, device.device_type, device.cpu_cores, device.memory_mb, device.storage_mb),
           placement_score = placement_score(
               (SELECT s.name FROM placement_strategy s), device.cpu_cores, device.memory_mb, device.storage_mb,
               coalesce(usage.cpu_usage, 0), coalesce(usage.memory_usage, 0), coalesce(usage.storage_usage, 0),
               device.last_allocated_at)
     WHERE d.id = p_device;
    RETURN jsonb_build_object('outcome', 'changed');
END $$;

CREATE FUNCTION public.claim_device(p_tenant text, p_user text, p_wants public.device_wants, p_terms public.quota_terms, p_minutes integer, p_metadata jsonb, p_key public.request_key, p_last_attempt boolean) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    answer  jsonb;
    held    quota_usage;
    refusal text;
    most    device_size;
    until   timestamptz;
    device  devices;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    held := lock_usage(p_tenant, p_user);
    refusal := quota_refusal(held, p_terms, scheduler_clock());
    IF refusal IS NULL THEN
        most := quota_ceiling(held, p_terms);
        until := scheduler_clock() + make_interval(mins => p_minutes);
        device := take_free_device(p_tenant, p_wants, most, until);
        IF device.id IS NULL AND p_last_attempt THEN
            device := await_free_device(p_tenant, p_wants, most, until);
        END IF;
        IF device.id IS NOT NULL THEN
            RETURN close_request(p_key, grant_device(device, held, p_terms, p_minutes, p_metadata));
        END IF;
        refusal := too_big_refusal(p_tenant, p_wants, most);
    END IF;

    IF NOT p_last_attempt AND worth_retrying(p_tenant, p_user, p_wants, most, refusal) THEN
        RETURN forget_request(p_key, jsonb_build_object('outcome', 'worth_retrying'));
    END IF;
    answer := refuse_claim(held, p_terms, refusal);
    IF refusal IS NULL THEN
        RETURN forget_request(p_key, answer);
    END IF;
    RETURN close_request(p_key, answer);
END $$;

CREATE FUNCTION public.close_request(p_key public.request_key, p_answer jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF p_key.key IS NOT NULL THEN
        UPDATE idempotency_keys SET answer = p_answer
         WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key);
    END IF;
    RETURN p_answer;
END $$;

CREATE FUNCTION public.count_allocations(p_tenant text, p_granted integer, p_released integer, p_expired integer, p_revoked integer) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO allocation_counters AS c (tenant_id, shard, granted, released, expired, revoked)
    VALUES (p_tenant, pg_backend_pid() % 64, p_granted, p_released, p_expired, p_revoked)
    ON CONFLICT (tenant_id, shard) DO UPDATE
       SET granted = c.granted + excluded.granted, released = c.released + excluded.released,
           expired = c.expired + excluded.expired, revoked = c.revoked + excluded.revoked
$$;

CREATE FUNCTION public.delete_ended(p_days integer, p_limit integer) RETURNS integer
    LANGUAGE sql
    AS $$
    WITH gone AS (
        DELETE FROM device_allocations
         WHERE id IN (SELECT id FROM device_allocations
                       WHERE status <> 'allocated' AND released_at < scheduler_now() - make_interval(days => p_days)
                       ORDER BY released_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*)::int FROM gone
$$;

CREATE FUNCTION public.delete_spent(p_limit integer) RETURNS integer
    LANGUAGE sql
    AS $$
    WITH events AS (
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE published_at < scheduler_now() - interval '7 days'
             ORDER BY published_at LIMIT p_limit FOR UPDATE SKIP LOCKED) RETURNING 1
    ), marks AS (
        DELETE FROM inbox WHERE (consumer, event_id) IN (
            SELECT consumer, event_id FROM inbox WHERE received_at < scheduler_now() - interval '7 days'
             ORDER BY received_at LIMIT p_limit FOR UPDATE SKIP LOCKED) RETURNING 1
    ), keys AS (
        DELETE FROM idempotency_keys WHERE (tenant_id, caller, route, key) IN (
            SELECT tenant_id, caller, route, key FROM idempotency_keys WHERE created_at < scheduler_now() - interval '24 hours'
             ORDER BY created_at LIMIT p_limit FOR UPDATE SKIP LOCKED) RETURNING 1
    )
    SELECT ((SELECT count(*) FROM events) + (SELECT count(*) FROM marks) + (SELECT count(*) FROM keys))::int
$$;

CREATE FUNCTION public.device_class(p_tenant text, p_type text, p_cpu_cores integer, p_memory_mb integer, p_storage_mb integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO spec_classes (pool, device_type, cpu_cores, memory_mb, storage_mb)
    SELECT coalesce(p_tenant, ''), p_type, p_cpu_cores, p_memory_mb, p_storage_mb
     WHERE NOT EXISTS (SELECT FROM spec_classes
                        WHERE (pool, device_type, cpu_cores, memory_mb, storage_mb)
                            = (coalesce(p_tenant, ''), p_type, p_cpu_cores, p_memory_mb, p_storage_mb))
    ON CONFLICT DO NOTHING;
    RETURN (SELECT id FROM spec_classes
             WHERE (pool, device_type, cpu_cores, memory_mb, storage_mb)
                 = (coalesce(p_tenant, ''), p_type, p_cpu_cores, p_memory_mb, p_storage_mb));
END $$;

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
    CONSTRAINT device_allocations_duration_minutes_check CHECK ((duration_minutes > 0)),
    CONSTRAINT device_allocations_duration_seconds_check CHECK ((duration_seconds >= 0)),
    CONSTRAINT device_allocations_renewal_count_check CHECK ((renewal_count >= 0)),
    CONSTRAINT device_allocations_status_check CHECK (((status)::text = ANY ((ARRAY['allocated'::character varying, 'released'::character varying, 'expired'::character varying, 'revoked'::character varying])::text[])))
)
WITH (fillfactor='90');

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

COMMENT ON COLUMN public.device_allocations.cpu_cores IS 'Counted against the quota while active; stays when the device is changed';

COMMENT ON COLUMN public.device_allocations.decision IS 'Why this device: strategy and score';

CREATE FUNCTION public.end_allocation(p_allocation public.device_allocations, p_as text, p_at timestamp with time zone) RETURNS public.device_allocations
    LANGUAGE plpgsql
    AS $$
DECLARE
    ended device_allocations;
BEGIN
    UPDATE device_allocations
       SET status = CASE WHEN expires_at <= p_at THEN 'expired' ELSE p_as END, released_at = p_at,
           duration_seconds = greatest(floor(extract(epoch FROM least(p_at, expires_at) - allocated_at)), 0)
     WHERE id = p_allocation.id
    RETURNING * INTO ended;

    UPDATE devices SET active_allocation_id = NULL, busy_until = NULL
     WHERE id = ended.device_id AND active_allocation_id = ended.id;

    UPDATE quota_usage
       SET devices = greatest(devices - 1, 0), cpu_cores = greatest(cpu_cores - ended.cpu_cores, 0),
           memory_mb = greatest(memory_mb - ended.memory_mb, 0), storage_mb = greatest(storage_mb - ended.storage_mb, 0)
     WHERE (tenant_id, user_id) = (ended.tenant_id, ended.user_id);

    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    SELECT told.type, told.subject, ended.device_id, ended.tenant_id, told.data, p_at FROM end_event(ended) told;

    PERFORM count_allocations(ended.tenant_id, 0, (ended.status = 'released')::int,
                              (ended.status = 'expired')::int, (ended.status = 'revoked')::int);
    RETURN ended;
END $$;

CREATE FUNCTION public.end_allocations(p_ids uuid[], p_as text) RETURNS SETOF public.device_allocations
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    mine       uuid[];
    locked     device_allocations[];
    allocation device_allocations;
    at         timestamptz;
BEGIN
    mine := ARRAY(
        SELECT a.id FROM device_allocations a
          JOIN (SELECT u.tenant_id, u.user_id FROM quota_usage u
                 WHERE (u.tenant_id, u.user_id) IN (SELECT o.tenant_id, o.user_id FROM device_allocations o WHERE o.id = ANY (p_ids))
                 ORDER BY u.tenant_id, u.user_id FOR UPDATE SKIP LOCKED) held USING (tenant_id, user_id)
         WHERE a.id = ANY (p_ids));
    locked := ARRAY(
        SELECT a FROM device_allocations a WHERE a.id = ANY (mine) AND a.status = 'allocated' ORDER BY a.id FOR UPDATE SKIP LOCKED);
    PERFORM FROM devices d WHERE d.id IN (SELECT l.device_id FROM unnest(locked) l) ORDER BY d.id FOR UPDATE;
    at := scheduler_clock();

    FOREACH allocation IN ARRAY locked LOOP
        IF p_as <> 'expired' OR allocation.expires_at <= at THEN
            RETURN NEXT end_allocation(allocation, p_as, at);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION public.end_event(a public.device_allocations, OUT type text, OUT subject text, OUT data jsonb) RETURNS record
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT kind.type, CASE a.status WHEN 'released' THEN a.device_id ELSE a.id::text END,
           jsonb_build_object(
               'allocationId', a.id, 'deviceId', a.device_id, 'userId', a.user_id, 'tenantId', a.tenant_id,
               'allocatedAt', wire_time(a.allocated_at), kind.ended, wire_time(a.released_at),
               'durationSeconds', a.duration_seconds,
               'quotaRestored', quota_share(a.cpu_cores, a.memory_mb, a.storage_mb))
      FROM (VALUES ('released', 'device.released', 'releasedAt'),
                   ('expired', 'scheduler.allocation.expired', 'expiredAt'),
                   ('revoked', 'scheduler.allocation.revoked', 'revokedAt')) kind (status, type, ended)
     WHERE kind.status = a.status
$$;

CREATE FUNCTION public.ensure_usage(p_ids uuid[]) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO quota_usage (tenant_id, user_id)
    SELECT DISTINCT a.tenant_id, a.user_id FROM device_allocations a
     WHERE a.id = ANY (p_ids)
       AND NOT EXISTS (SELECT FROM quota_usage u WHERE (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id))
     ORDER BY 1, 2
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION public.expire_due(p_limit integer) RETURNS SETOF public.device_allocations
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    due uuid[];
BEGIN
    PERFORM ensure_usage(ARRAY(
        SELECT id FROM device_allocations WHERE status = 'allocated' AND expires_at <= scheduler_now()
         ORDER BY expires_at LIMIT p_limit));
    due := ARRAY(
        SELECT a.id FROM device_allocations a JOIN quota_usage u ON (u.tenant_id, u.user_id) = (a.tenant_id, a.user_id)
         WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()
         ORDER BY a.expires_at LIMIT p_limit FOR UPDATE OF u SKIP LOCKED);
    RETURN QUERY SELECT * FROM end_allocations(due, 'expired');
END $$;

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

CREATE FUNCTION public.fitting_classes(p_tenant text, p_wants public.device_wants, p_most public.device_size) RETURNS SETOF public.spec_classes
    LANGUAGE sql STABLE
    AS $$
    SELECT c.* FROM spec_classes c
     WHERE c.pool IN ('', p_tenant)
       AND (p_wants.device_type IS NULL OR c.device_type = p_wants.device_type)
       AND c.cpu_cores >= coalesce(p_wants.min_cpu, 0)
       AND c.memory_mb >= coalesce(p_wants.min_memory_mb, 0)
       AND c.storage_mb >= coalesce(p_wants.min_storage_mb, 0)
       AND (p_most.cpu_cores IS NULL OR c.cpu_cores <= p_most.cpu_cores)
       AND (p_most.memory_mb IS NULL OR c.memory_mb <= p_most.memory_mb)
       AND (p_most.storage_mb IS NULL OR c.storage_mb <= p_most.storage_mb)
$$;

CREATE FUNCTION public.forget_request(p_key public.request_key, p_answer jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF p_key.key IS NOT NULL THEN
        DELETE FROM idempotency_keys
         WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key);
    END IF;
    RETURN p_answer;
END $$;

CREATE TABLE public.quota_usage (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    devices integer DEFAULT 0 NOT NULL,
    cpu_cores integer DEFAULT 0 NOT NULL,
    memory_mb bigint DEFAULT 0 NOT NULL,
    storage_mb bigint DEFAULT 0 NOT NULL,
    blocked boolean DEFAULT false NOT NULL,
    CONSTRAINT quota_usage_cpu_cores_check CHECK ((cpu_cores >= 0)),
    CONSTRAINT quota_usage_devices_check CHECK ((devices >= 0)),
    CONSTRAINT quota_usage_memory_mb_check CHECK ((memory_mb >= 0)),
    CONSTRAINT quota_usage_storage_mb_check CHECK ((storage_mb >= 0))
)
WITH (fillfactor='70');

COMMENT ON TABLE public.quota_usage IS 'What each user holds now: the sum over her active allocations, kept in the transaction that changes them';

COMMENT ON COLUMN public.quota_usage.blocked IS 'No grants: set first when a user is suspended, then her allocations are ended';

CREATE FUNCTION public.grant_device(device public.devices, held public.quota_usage, terms public.quota_terms, p_minutes integer, p_metadata jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    at         timestamptz := scheduler_clock();
    expiry     timestamptz := at + make_interval(mins => p_minutes);
    allocation uuid := gen_random_uuid();
    strategy   text := (SELECT name FROM placement_strategy);
    remaining  int := coalesce(terms.devices - held.devices - 1, -1);
    facts      jsonb;
BEGIN
    INSERT INTO device_allocations (
        id, device_id, user_id, tenant_id, allocated_at, expires_at, duration_minutes, metadata, fencing_token,
        cpu_cores, memory_mb, storage_mb, decision, created_at, updated_at)
    VALUES (
        allocation, device.id, held.user_id, held.tenant_id, at, expiry, p_minutes, p_metadata, device.fence + 1,
        device.cpu_cores, device.memory_mb, device.storage_mb,
        jsonb_build_object('strategy', strategy, 'score', device.placement_score), at, at);

    UPDATE devices
       SET active_allocation_id = allocation, busy_until = expiry, fence = device.fence + 1, last_allocated_at = at,
           placement_score = CASE strategy WHEN 'round_robin' THEN -extract(epoch FROM at) ELSE placement_score END
     WHERE id = device.id;

    UPDATE quota_usage
       SET devices = devices + 1, cpu_cores = cpu_cores + device.cpu_cores,
           memory_mb = memory_mb + device.memory_mb, storage_mb = storage_mb + device.storage_mb
     WHERE (tenant_id, user_id) = (held.tenant_id, held.user_id);

    facts := jsonb_build_object(
        'allocationId', allocation, 'deviceId', device.id, 'userId', held.user_id, 'tenantId', held.tenant_id,
        'allocatedAt', wire_time(at), 'expiresAt', wire_time(expiry), 'durationMinutes', p_minutes,
        'fencingToken', device.fence + 1, 'remainingDevices', remaining);
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES ('device.allocated', device.id, device.id, held.tenant_id,
            facts || jsonb_build_object('quotaUsed', quota_share(device.cpu_cores, device.memory_mb, device.storage_mb)), at);

    PERFORM count_allocations(held.tenant_id, 1, 0, 0, 0);
    RETURN facts || jsonb_build_object(
        'outcome', 'granted', 'deviceName', device.name, 'deviceStatus', device.status,
        'adbHost', device.adb_host, 'adbPort', device.adb_port);
END $$;

CREATE FUNCTION public.keep_answer(p_key public.request_key, p_answer jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    first_answer jsonb := open_request(p_key);
BEGIN
    RETURN coalesce(first_answer, close_request(p_key, p_answer));
END $$;

CREATE FUNCTION public.kept_answer(p_key public.request_key) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN k.body_hash = p_key.body_hash THEN k.answer ELSE jsonb_build_object('outcome', 'key_reused') END
      FROM idempotency_keys k
     WHERE (k.tenant_id, k.caller, k.route, k.key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key)
       AND k.created_at > scheduler_now() - interval '24 hours'
$$;

CREATE FUNCTION public.lock_usage(p_tenant text, p_user text) RETURNS public.quota_usage
    LANGUAGE plpgsql
    AS $$
DECLARE
    held quota_usage;
BEGIN
    SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (p_tenant, p_user) FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO quota_usage (tenant_id, user_id) VALUES (p_tenant, p_user) ON CONFLICT DO NOTHING;
        SELECT * INTO held FROM quota_usage WHERE (tenant_id, user_id) = (p_tenant, p_user) FOR UPDATE;
    END IF;
    RETURN held;
END $$;

CREATE FUNCTION public.open_request(p_key public.request_key) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    kept idempotency_keys;
BEGIN
    INSERT INTO idempotency_keys (tenant_id, caller, route, key, body_hash, created_at)
    VALUES (p_key.tenant_id, p_key.caller, p_key.route, p_key.key, p_key.body_hash, scheduler_clock())
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;

    SELECT * INTO kept FROM idempotency_keys
     WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key) FOR UPDATE;
    IF kept.created_at <= scheduler_clock() - interval '24 hours' THEN
        UPDATE idempotency_keys SET body_hash = p_key.body_hash, answer = NULL, created_at = scheduler_clock()
         WHERE (tenant_id, caller, route, key) = (p_key.tenant_id, p_key.caller, p_key.route, p_key.key);
        RETURN NULL;
    END IF;
    IF kept.body_hash <> p_key.body_hash THEN
        RETURN jsonb_build_object('outcome', 'key_reused');
    END IF;
    RETURN coalesce(kept.answer, jsonb_build_object('outcome', 'in_progress'));
EXCEPTION
    WHEN lock_not_available THEN
        RETURN jsonb_build_object('outcome', 'in_progress');
END $$;

CREATE FUNCTION public.placement_score(p_strategy text, p_cpu_cores integer, p_memory_mb integer, p_storage_mb integer, p_cpu_usage real, p_memory_usage real, p_storage_usage real, p_last_allocated_at timestamp with time zone) RETURNS double precision
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE p_strategy
        WHEN 'round_robin'          THEN -coalesce(extract(epoch FROM p_last_allocated_at), 0)
        WHEN 'least_connection'     THEN 100 - p_cpu_usage
        WHEN 'weighted_round_robin' THEN 100 - (p_cpu_usage + p_memory_usage) / 2
        WHEN 'best_fit'             THEN -(p_cpu_cores / 4.0 + p_memory_mb / 4096.0 + p_storage_mb / 65536.0)
        ELSE 100 - (p_cpu_usage + p_memory_usage + p_storage_usage) / 3
    END::double precision
$$;

CREATE FUNCTION public.quota_ceiling(held public.quota_usage, terms public.quota_terms) RETURNS public.device_size
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT ROW (
        least(terms.device_cpu_cores, terms.cpu_cores - held.cpu_cores),
        least(terms.device_memory_mb, terms.memory_mb - held.memory_mb),
        least(terms.device_storage_mb, terms.storage_mb - held.storage_mb)
    )::device_size
$$;

CREATE FUNCTION public.quota_refusal(held public.quota_usage, terms public.quota_terms, p_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE
        WHEN terms.refusal IS NOT NULL         THEN terms.refusal
        WHEN terms.valid_until <= p_at         THEN 'Quota expired at ' || wire_time(terms.valid_until)
        WHEN held.blocked                      THEN 'User is suspended'
        WHEN held.devices >= terms.devices     THEN format('Device quota exceeded. Max: %s, Current: %s', terms.devices, held.devices)
        WHEN held.cpu_cores >= terms.cpu_cores THEN format('CPU quota exceeded. Max: %s cores, Current: %s', terms.cpu_cores, held.cpu_cores)
        WHEN held.memory_mb >= terms.memory_mb THEN format('Memory quota exceeded. Max: %s MB, Current: %s', terms.memory_mb, held.memory_mb)
        WHEN held.storage_mb >= terms.storage_mb THEN format('Storage quota exceeded. Max: %s MB, Current: %s', terms.storage_mb, held.storage_mb)
    END
$$;

CREATE FUNCTION public.quota_share(p_cpu_cores integer, p_memory_mb integer, p_storage_mb integer) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT jsonb_build_object('devices', 1, 'cpuCores', p_cpu_cores, 'memoryMB', p_memory_mb, 'storageMB', p_storage_mb)
$$;

CREATE FUNCTION public.reap_overdue(p_tenant text, p_user text, p_wants public.device_wants) RETURNS SETOF public.device_allocations
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    due uuid[];
BEGIN
    due := ARRAY(
        SELECT id FROM device_allocations
         WHERE status = 'allocated' AND expires_at <= scheduler_now() AND (tenant_id, user_id) = (p_tenant, p_user)
         ORDER BY expires_at LIMIT 10)
        || ARRAY(
        SELECT a.id FROM device_allocations a JOIN devices d ON d.id = a.device_id
         WHERE a.status = 'allocated' AND a.expires_at <= scheduler_now()
           AND (a.tenant_id, a.user_id) <> (p_tenant, p_user)
           AND d.class_id IN (SELECT c.id FROM fitting_classes(p_tenant, p_wants, NULL) c)
         ORDER BY a.expires_at LIMIT 10);
    PERFORM ensure_usage(due);
    RETURN QUERY SELECT * FROM end_allocations(due, 'expired');
END $$;

CREATE FUNCTION public.refuse_claim(held public.quota_usage, terms public.quota_terms, p_reason text) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    at timestamptz := scheduler_clock();
BEGIN
    INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
    VALUES (
        CASE WHEN p_reason IS NULL THEN 'scheduler.allocation.failed' ELSE 'scheduler.allocation.quota_exceeded' END,
        held.user_id, held.tenant_id || '|' || held.user_id, held.tenant_id,
        jsonb_build_object('userId', held.user_id, 'tenantId', held.tenant_id,
                           'reason', coalesce(p_reason, 'no_available_devices'), 'timestamp', wire_time(at)), at);
    IF p_reason IS NULL THEN
        RETURN jsonb_build_object('outcome', 'none_free');
    END IF;
    RETURN jsonb_build_object('outcome', 'over_quota', 'reason', p_reason,
                              'remainingDevices', coalesce(greatest(terms.devices - held.devices, 0), -1));
END $$;

CREATE FUNCTION public.register_devices(p_devices jsonb, p_key public.request_key) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    answer jsonb;
    ids    text[] := ARRAY(SELECT e.value ->> 'id' FROM jsonb_array_elements(p_devices) e);
    taken  text[];
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    BEGIN
        INSERT INTO devices (id, name, device_type, status, tenant_id, cpu_cores, memory_mb, storage_mb, adb_host, adb_port,
                             host, model, labels, class_id, placement_score)
        SELECT d.id, d.name, d.device_type, d.status, d.tenant_id, d.cpu_cores, d.memory_mb, d.storage_mb, d.adb_host, d.adb_port,
               d.host, d.model, coalesce(d.labels, '{}'),
               device_class(d.tenant_id, d.device_type, d.cpu_cores, d.memory_mb, d.storage_mb),
               placement_score((SELECT s.name FROM placement_strategy s), d.cpu_cores, d.memory_mb, d.storage_mb, 0, 0, 0, NULL)
          FROM jsonb_populate_recordset(NULL::devices, p_devices) d ORDER BY d.id;
    EXCEPTION WHEN unique_violation THEN
        taken := ARRAY(SELECT given.id FROM unnest(ids) given (id) LEFT JOIN devices d ON d.id = given.id
                        GROUP BY given.id HAVING count(*) > 1 OR count(d.id) > 0 ORDER BY given.id);
        RETURN close_request(p_key, jsonb_build_object('outcome', 'device_exists', 'ids', to_jsonb(taken)));
    END;
    RETURN close_request(p_key, jsonb_build_object('outcome', 'registered', 'ids', to_jsonb(ids)));
END $$;

CREATE FUNCTION public.releasable(p_tenant text, p_holder text, p_device text, p_allocation uuid) RETURNS public.device_allocations
    LANGUAGE plpgsql
    AS $$
DECLARE
    found_row device_allocations;
BEGIN
    IF p_allocation IS NULL THEN
        SELECT * INTO found_row FROM device_allocations WHERE device_id = p_device AND status = 'allocated';
    ELSE
        SELECT * INTO found_row FROM device_allocations WHERE id = p_allocation AND device_id = p_device;
    END IF;
    IF found_row.tenant_id = coalesce(p_tenant, found_row.tenant_id)
       AND found_row.user_id = coalesce(p_holder, found_row.user_id) THEN
        RETURN found_row;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.release_device(p_tenant text, p_holder text, p_device text, p_allocation uuid, p_fence bigint, p_key public.request_key) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    answer jsonb;
    target device_allocations;
    ended  device_allocations;
BEGIN
    IF p_key.key IS NOT NULL THEN
        answer := open_request(p_key);
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;

    target := releasable(p_tenant, p_holder, p_device, p_allocation);
    IF target.status = 'allocated' THEN
        PERFORM lock_usage(target.tenant_id, target.user_id);
        PERFORM FROM device_allocations WHERE id = target.id FOR UPDATE;
        PERFORM FROM devices WHERE id = p_device FOR UPDATE;
        target := releasable(p_tenant, p_holder, p_device, target.id);
    END IF;

    IF target.id IS NULL OR (p_allocation IS NULL AND target.status <> 'allocated') THEN  -- ended while we waited
        RETURN close_request(p_key, jsonb_build_object('outcome', 'not_found'));
    ELSIF target.status <> 'allocated' THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'not_active'));
    ELSIF target.fencing_token <> p_fence THEN
        RETURN close_request(p_key, jsonb_build_object('outcome', 'stale_fence'));
    END IF;

    ended := end_allocation(target, 'released', scheduler_clock());
    RETURN close_request(p_key, jsonb_build_object(
        'outcome', ended.status, 'allocationId', ended.id, 'deviceId', ended.device_id, 'userId', ended.user_id,
        'tenantId', ended.tenant_id, 'durationSeconds', ended.duration_seconds));
END $$;

CREATE FUNCTION public.rescore_devices(p_strategy text, p_after text, p_limit integer) RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    batch text[];
BEGIN
    batch := ARRAY(SELECT id FROM devices WHERE id > p_after ORDER BY id LIMIT p_limit FOR UPDATE);
    UPDATE devices d
       SET placement_score = scored.score
      FROM (SELECT f.id, placement_score(p_strategy, f.cpu_cores, f.memory_mb, f.storage_mb, coalesce(h.cpu_usage, 0),
                                         coalesce(h.memory_usage, 0), coalesce(h.storage_usage, 0), f.last_allocated_at) AS score
              FROM devices f LEFT JOIN device_heartbeats h ON h.device_id = f.id
             WHERE f.id = ANY (batch)) scored
     WHERE d.id = scored.id AND d.placement_score IS DISTINCT FROM scored.score;
    RETURN batch[array_upper(batch, 1)];
END $$;

CREATE FUNCTION public.scheduler_clock() RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$
    SELECT clock_timestamp()
$$;

CREATE FUNCTION public.scheduler_now() RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN scheduler_clock();
END $$;

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

CREATE FUNCTION public.take_free_device(p_tenant text, p_wants public.device_wants, p_most public.device_size, p_until timestamp with time zone) RETURNS public.devices
    LANGUAGE plpgsql
    AS $$
DECLARE
    device devices;
BEGIN
    SELECT taken.* INTO device
      FROM best_classes(p_tenant, p_wants, p_most, p_until) best
     CROSS JOIN LATERAL (
        SELECT * FROM devices d
         WHERE d.class_id = best.class_id AND d.is_free
           AND (d.next_reserved_at IS NULL OR d.next_reserved_at >= p_until)
         ORDER BY d.placement_score DESC LIMIT 1 FOR UPDATE SKIP LOCKED) taken
     LIMIT 1;
    RETURN device;
END $$;

CREATE FUNCTION public.take_statistics() RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
DECLARE
    at      timestamptz := scheduler_clock();
    figures jsonb;
BEGIN
    SELECT jsonb_build_object(
               'devices', count(*), 'running', count(*) FILTER (WHERE status = 'running'),
               'free', count(*) FILTER (WHERE is_free), 'allocated', count(*) FILTER (WHERE active_allocation_id IS NOT NULL),
               'overdue', count(*) FILTER (WHERE busy_until <= at))
      INTO figures FROM devices WHERE life <> 'deleted';
    figures := figures
        || (SELECT jsonb_build_object('granted', coalesce(sum(granted), 0), 'released', coalesce(sum(released), 0),
                                      'expired', coalesce(sum(expired), 0), 'revoked', coalesce(sum(revoked), 0))
              FROM allocation_counters)
        || (SELECT jsonb_build_object('unpublishedEvents', count(*),
                                      'oldestUnpublishedSeconds', coalesce(extract(epoch FROM at - min(occurred_at)), 0))
              FROM outbox WHERE published_at IS NULL);
    INSERT INTO statistics_snapshots (hour, taken_at, figures) VALUES (date_trunc('hour', at), at, figures)
    ON CONFLICT DO NOTHING;
    RETURN figures;
END $$;

CREATE FUNCTION public.too_big_refusal(p_tenant text, p_wants public.device_wants, p_most public.device_size) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT 'Quota exceeded. No device that fits the request is within what the quota leaves: '
           || concat_ws(', ', p_most.cpu_cores || ' cores', p_most.memory_mb || ' MB memory', p_most.storage_mb || ' MB storage')
     WHERE EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, NULL))
       AND NOT EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, p_most))
$$;

CREATE FUNCTION public.wire_time(p_at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION public.worth_retrying(p_tenant text, p_user text, p_wants public.device_wants, p_most public.device_size, p_refusal text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN p_refusal IS NULL
        THEN EXISTS (SELECT FROM fitting_classes(p_tenant, p_wants, p_most) c
                       JOIN devices d ON d.class_id = c.id AND d.is_free)
          OR EXISTS (SELECT FROM device_allocations WHERE status = 'allocated' AND expires_at <= scheduler_now())
        ELSE EXISTS (SELECT FROM device_allocations
                      WHERE status = 'allocated' AND expires_at <= scheduler_now()
                        AND (tenant_id, user_id) = (p_tenant, p_user))
    END
$$;

CREATE TABLE public.allocation_counters (
    tenant_id character varying(255) NOT NULL,
    shard smallint NOT NULL,
    granted bigint DEFAULT 0 NOT NULL,
    released bigint DEFAULT 0 NOT NULL,
    expired bigint DEFAULT 0 NOT NULL,
    revoked bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

COMMENT ON TABLE public.allocation_counters IS 'Running totals a tenant, spread over shards so that a busy tenant is not one hot row';

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

CREATE TABLE public.idempotency_keys (
    tenant_id character varying(255) NOT NULL,
    caller character varying(300) NOT NULL,
    route character varying(100) NOT NULL,
    key character varying(255) NOT NULL,
    body_hash character varying(64) NOT NULL,
    answer jsonb,
    created_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.idempotency_keys IS 'The facts a keyed request was answered with, written in the transaction of its effect; kept 24 h';

CREATE TABLE public.inbox (
    consumer character varying(50) NOT NULL,
    event_id character varying(255) NOT NULL,
    received_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.inbox IS 'Events each consumer has applied, so that a redelivery changes nothing';

CREATE TABLE public.leases (
    name character varying(50) NOT NULL,
    holder character varying(100) NOT NULL,
    held_until timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.leases IS 'Who may run a job of which there is one at a time, and until when';

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
);

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

CREATE TABLE public.placement_strategy (
    only_row boolean DEFAULT true NOT NULL,
    name character varying(50) DEFAULT 'resource_based'::character varying NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT placement_strategy_only_row_check CHECK (only_row)
);

COMMENT ON TABLE public.placement_strategy IS 'The strategy that placement scores follow';

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

CREATE TABLE public.quotas (
    tenant_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    plan_name character varying(50) NOT NULL,
    status character varying(50) DEFAULT 'active'::character varying NOT NULL,
    valid_until timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT quotas_status_check CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'exceeded'::character varying, 'suspended'::character varying, 'expired'::character varying])::text[])))
);

COMMENT ON TABLE public.quotas IS 'Which built-in plan a user has; a user without a row has the default plan';

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

ALTER TABLE ONLY public.allocation_counters
    ADD CONSTRAINT allocation_counters_pkey PRIMARY KEY (tenant_id, shard);

ALTER TABLE ONLY public.device_allocations
    ADD CONSTRAINT device_allocations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.device_heartbeats
    ADD CONSTRAINT device_heartbeats_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, caller, route, key);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.placement_strategy
    ADD CONSTRAINT placement_strategy_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.quota_plans
    ADD CONSTRAINT quota_plans_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.quota_usage
    ADD CONSTRAINT quota_usage_pkey PRIMARY KEY (tenant_id, user_id);

ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, user_id);

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

CREATE UNIQUE INDEX device_allocations_active_device ON public.device_allocations USING btree (device_id) WHERE ((status)::text = 'allocated'::text);

CREATE INDEX device_allocations_by_device ON public.device_allocations USING btree (device_id, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_by_tenant ON public.device_allocations USING btree (tenant_id, status, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_by_time ON public.device_allocations USING btree (status, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_by_user ON public.device_allocations USING btree (user_id, tenant_id, allocated_at DESC, id DESC);

CREATE INDEX device_allocations_due ON public.device_allocations USING btree (expires_at) WHERE ((status)::text = 'allocated'::text);

CREATE INDEX device_allocations_ended ON public.device_allocations USING btree (released_at) WHERE ((status)::text <> 'allocated'::text);

CREATE INDEX devices_free_by_id ON public.devices USING btree (id) INCLUDE (class_id, next_reserved_at) WHERE is_free;

CREATE INDEX devices_free_by_score ON public.devices USING btree (class_id, placement_score DESC) INCLUDE (next_reserved_at) WHERE is_free;

CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX inbox_by_age ON public.inbox USING btree (received_at);

CREATE INDEX outbox_published ON public.outbox USING btree (published_at) WHERE (published_at IS NOT NULL);

CREATE INDEX outbox_unpublished ON public.outbox USING btree (id) WHERE (published_at IS NULL);

CREATE TRIGGER device_allocations_adopted AFTER INSERT ON public.device_allocations FOR EACH ROW WHEN (((new.fencing_token = 0) AND ((new.status)::text = 'allocated'::text))) EXECUTE FUNCTION public.adopt_allocation();

CREATE TRIGGER device_allocations_default_tenant BEFORE INSERT ON public.device_allocations FOR EACH ROW WHEN ((new.tenant_id IS NULL)) EXECUTE FUNCTION public.set_default_tenant();

CREATE TRIGGER device_allocations_updated_at BEFORE UPDATE ON public.device_allocations FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TRIGGER devices_updated_at BEFORE UPDATE ON public.devices FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

ALTER TABLE ONLY public.device_heartbeats
    ADD CONSTRAINT device_heartbeats_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.devices(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_class_id_fkey FOREIGN KEY (class_id) REFERENCES public.spec_classes(id);

ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_plan_name_fkey FOREIGN KEY (plan_name) REFERENCES public.quota_plans(name);
