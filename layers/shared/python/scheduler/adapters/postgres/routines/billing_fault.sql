-- What is wrong with the records of an ended allocation, or NULL: its segments follow each other from 1 and from its beginning on,
-- their seconds add up to its own, each is its holder's, and no credit is more than its segment.
-- Without seqscan: a plan made while the tables were small must not stay.
CREATE OR REPLACE FUNCTION billing_fault(ended device_allocations) RETURNS text
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT CASE
           WHEN count(*) FILTER (WHERE kind = 'usage') = 0 THEN 'no record'
           WHEN bool_or((tenant_id, user_id) <> (coalesce(ended.tenant_id, 'default'), ended.user_id)) THEN 'record of somebody else'
           WHEN bool_or(kind = 'usage' AND (segment <> place OR started_at <> coalesce(before, ended.allocated_at)))
                THEN 'segments do not follow each other'
           WHEN coalesce(sum(seconds) FILTER (WHERE kind = 'usage'), 0) <> ended.duration_seconds THEN 'seconds differ'
           WHEN bool_or(kind = 'credit' AND seconds > coalesce(used, -1)) THEN 'credit over its segment'
           END
      FROM (SELECT r.*, row_number() OVER by_kind AS place, lag(ended_at) OVER by_kind AS before,
                   max(seconds) FILTER (WHERE kind = 'usage') OVER (PARTITION BY segment) AS used
              FROM usage_records r WHERE allocation_id = ended.id
            WINDOW by_kind AS (PARTITION BY kind ORDER BY segment)) each
$$;
