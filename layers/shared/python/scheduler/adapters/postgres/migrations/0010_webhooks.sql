-- Webhooks: where tenants want to be told of events, and what waits to be told.

CREATE TABLE webhooks (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id       varchar(255)  NOT NULL,
    slot            smallint      NOT NULL CHECK (slot BETWEEN 1 AND 20),
    url             varchar(2000) NOT NULL,
    secret          varchar(100)  NOT NULL,
    types           text[]        NOT NULL CHECK (cardinality(types) > 0),
    description     varchar(500),
    status          varchar(50)   NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
    failures_in_row integer       NOT NULL DEFAULT 0 CHECK (failures_in_row >= 0),
    failing_since   timestamptz,
    last_delivered_at timestamptz,
    waiting         integer       NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    busy_until      timestamptz   NOT NULL DEFAULT '-infinity',
    next_attempt_at timestamptz,
    created_at      timestamptz   NOT NULL,
    disabled_at     timestamptz,
    disabled_reason varchar(500),
    UNIQUE (tenant_id, slot),
    CHECK ((status = 'disabled') = (disabled_at IS NOT NULL)),
    CHECK (status = 'enabled' OR next_attempt_at IS NULL)
) WITH (fillfactor = 80);
COMMENT ON TABLE webhooks IS 'Where tenants want to be told of events';
COMMENT ON COLUMN webhooks.slot IS 'One of the places a tenant has: the unique index bounds their number whoever races';
COMMENT ON COLUMN webhooks.types IS 'Types of events that are wanted; {*}: all';
COMMENT ON COLUMN webhooks.failures_in_row IS 'Attempts that failed since the last that did not';
COMMENT ON COLUMN webhooks.failing_since IS 'When the first of those failed';
COMMENT ON COLUMN webhooks.waiting IS 'Its deliveries that are not finished';
COMMENT ON COLUMN webhooks.busy_until IS 'No attempt begins before: one is in flight, or it rests after failures';
COMMENT ON COLUMN webhooks.next_attempt_at IS 'When the next attempt is due: the earliest of its deliveries, not before busy_until';

-- What is due; lists, newest first, of a tenant or all.
CREATE INDEX webhooks_due ON webhooks (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhooks_by_tenant ON webhooks (tenant_id, created_at DESC, id DESC);
CREATE INDEX webhooks_by_time ON webhooks (created_at DESC, id DESC);

CREATE TABLE webhook_deliveries (
    webhook_id      uuid         NOT NULL,
    event_id        uuid         NOT NULL,
    type            varchar(100) NOT NULL,
    body            text         NOT NULL,
    attempts        integer      NOT NULL DEFAULT 0,
    created_at      timestamptz  NOT NULL,
    next_attempt_at timestamptz,
    delivered_at    timestamptz,
    failed_at       timestamptz,
    last_status     smallint,
    last_reason     varchar(100),
    PRIMARY KEY (webhook_id, event_id),
    CHECK (num_nonnulls(next_attempt_at, delivered_at, failed_at) = 1)
) WITH (fillfactor = 90);
COMMENT ON TABLE webhook_deliveries IS 'One row for each event and webhook that wants it; it waits, was delivered, or failed for good';
COMMENT ON COLUMN webhook_deliveries.body IS 'What is signed and sent, byte for byte';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'Attempts that were begun; the number of the running one tells it from earlier ones';

CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries ((coalesce(delivered_at, failed_at))) WHERE next_attempt_at IS NULL;

ALTER TABLE webhooks SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE webhook_deliveries SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
