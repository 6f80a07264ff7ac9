-- The items of a batch in their order, numbered from 0. What many share is sent once: the tenant, and terms by their number from 1.
-- An item that carries a refusal was refused before it came here.
CREATE OR REPLACE FUNCTION batch_items(p_tenant text, p_items jsonb, p_terms quota_terms[])
RETURNS TABLE (number int, tenant_id text, user_id text, wants device_wants, terms quota_terms, minutes int, metadata jsonb,
               refusal jsonb) LANGUAGE sql STABLE AS $$
    SELECT (i.position - 1)::int, coalesce(i.tenant, p_tenant), i."user", i.wants, p_terms[i.terms], i.minutes, i.metadata, i.refusal
      FROM ROWS FROM (jsonb_to_recordset(p_items) AS (
               tenant text, "user" text, wants device_wants, terms int, minutes int, metadata jsonb, refusal jsonb
           )) WITH ORDINALITY i (tenant, "user", wants, terms, minutes, metadata, refusal, position)
     ORDER BY i.position
$$;
