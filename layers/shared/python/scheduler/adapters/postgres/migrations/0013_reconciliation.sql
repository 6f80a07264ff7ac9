-- What holds usage records against allocations, and finds those that are old or not told.

-- Retention, reports over all tenants, and the walk of a reconciliation.
CREATE INDEX usage_records_by_end ON usage_records (ended_at, allocation_id);
-- Few where there is a billing service.
CREATE INDEX usage_records_untold ON usage_records (recorded_at) WHERE delivered_at IS NULL;

CREATE TABLE reconciliations (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version    integer     NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    walk       varchar(20) NOT NULL DEFAULT 'ends' CHECK (walk IN ('ends', 'records')),
    reached_at timestamptz,
    reached_id uuid,
    examined   bigint      NOT NULL DEFAULT 0,
    mismatches bigint      NOT NULL DEFAULT 0,
    named      jsonb       NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE reconciliations IS 'Walks that hold usage records against allocations; one that was cut goes on where it stopped. Kept 400 days';
COMMENT ON COLUMN reconciliations.version IS 'Counts the saves: of two runs at once only one goes on';
COMMENT ON COLUMN reconciliations.walk IS 'ends: each ended allocation against its records | records: each record back';
COMMENT ON COLUMN reconciliations.reached_id IS 'The allocation of the last row examined, at reached_at';
COMMENT ON COLUMN reconciliations.named IS 'The first allocations whose records mismatch, and why';
