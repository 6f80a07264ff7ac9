-- Whether a device works and is out of service only to be wiped: it comes back by itself.
CREATE OR REPLACE FUNCTION is_recycling(p_device text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM devices WHERE id = p_device AND status = 'running' AND life = 'recycling')
$$;
