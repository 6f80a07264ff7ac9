-- Whether a waiter could go to devices of a kind that is not for another one, lent or not: a small request can, beside a big one.
CREATE OR REPLACE FUNCTION has_other_kind(entry queue_entries, other queue_entries) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM fitting_classes(entry.tenant_id, entry.wants, NULL) own
         WHERE own.id NOT IN (SELECT theirs.id FROM fitting_classes(other.tenant_id, other.wants, NULL) theirs)
           AND EXISTS (SELECT FROM devices d WHERE d.class_id = own.id AND d.status = 'running' AND d.life IN ('in_service', 'recycling')))
$$;
