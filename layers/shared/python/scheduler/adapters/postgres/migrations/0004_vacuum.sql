-- When autovacuum comes. Its default, a fifth of a table, is two million dead rows of ten million allocations, and while they
-- wait every index that a claim or the relay probes leads through them. A share of the rows here, plus a floor so that small
-- tables are not swept for nothing. Without the pauses that spare the disk: these sweeps are short because they are frequent.

-- Few rows, each changed all the time. Updates stay on their page and tidy up behind themselves (HOT, with the free room of
-- fillfactor); sweeps only catch what a long snapshot kept alive.
ALTER TABLE quota_usage SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE allocation_counters SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE leases SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_cost_delay = 0);

-- Each grant and each end moves a device into or out of the index of free devices, so these updates are never HOT: that index, the
-- one that claims probe, gets a dead entry each time.
ALTER TABLE devices SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.05);

-- Rows come, change once, and are deleted in a batch much later. A changed row leaves the index of what is active, of what is due,
-- or of what is unpublished; the relay reads that index from its oldest end, where the dead entries are.
ALTER TABLE device_allocations SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.01);

-- Rows come and are deleted; the answer is written once more into a row that has just been made, which is HOT while its page has
-- room, so some is left.
ALTER TABLE idempotency_keys SET (fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE inbox SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
