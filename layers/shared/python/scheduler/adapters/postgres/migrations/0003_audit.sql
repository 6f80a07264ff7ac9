-- What the audit needs: how far its full runs are, what retention has deleted, and events by device.

CREATE TABLE audit_runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version    integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    walks      jsonb NOT NULL DEFAULT '{}',
    findings   jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE audit_runs IS 'Full runs of the audit; one that was cut goes on where it stopped. Kept 30 days';
COMMENT ON COLUMN audit_runs.version IS 'Counts the saves: of two runs at once only one goes on';
COMMENT ON COLUMN audit_runs.walks IS 'How far each order of rows has been walked, from the newest or last row down';
COMMENT ON COLUMN audit_runs.findings IS 'What each check found so far: count, and the first rows by their ids';

CREATE TABLE retention_marks (
    kind          varchar(50) PRIMARY KEY,
    deleted_until timestamptz NOT NULL
);
COMMENT ON TABLE retention_marks IS 'Up to when cleanups have deleted rows: older ones prove nothing by being absent';
-- What was deleted before this table was there is older than the oldest that is left.
INSERT INTO retention_marks
SELECT 'events', coalesce(min(published_at),
                          CASE WHEN EXISTS (SELECT FROM device_allocations) THEN clock_timestamp() ELSE '-infinity' END)
  FROM outbox;
INSERT INTO retention_marks
SELECT 'allocations', coalesce(min(released_at),
                               CASE WHEN EXISTS (SELECT FROM outbox) THEN clock_timestamp() ELSE '-infinity' END)
  FROM device_allocations WHERE status <> 'allocated';

-- The audit's probes: the event of a grant or an end, and the event before another of its device.
CREATE INDEX outbox_by_group ON outbox (group_id, occurred_at, id);
