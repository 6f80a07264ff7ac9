-- The outlook of those who wait: what is learned from the past, and what was computed at the join.

ALTER TABLE queue_entries ADD COLUMN raw_p50 real, ADD COLUMN raw_p90 real;
COMMENT ON COLUMN queue_entries.raw_p50 IS 'As promised_p50, before it was stretched by what was learned of earlier promises';
COMMENT ON COLUMN queue_entries.raw_p90 IS 'As promised_p90, before it was stretched by what was learned of earlier promises';

CREATE TABLE outlook_lessons (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    learned_at timestamptz NOT NULL,
    endings    jsonb NOT NULL DEFAULT '{}',
    ratios     jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE outlook_lessons IS 'One row: what recent allocations and waits teach, learned anew when it is asked for and old';
COMMENT ON COLUMN outlook_lessons.endings IS 'How allocations ended: counts by the part of their time that was used';
COMMENT ON COLUMN outlook_lessons.ratios IS 'Real waits as multiples of what was computed: counts by the bucket of their ratio';
INSERT INTO outlook_lessons (learned_at) VALUES ('-infinity');
