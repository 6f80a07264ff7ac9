-- End one active allocation as revoked, and keep why. Called as end_allocation is.
CREATE OR REPLACE FUNCTION revoke_locked(target device_allocations, p_reason text, p_at timestamptz) RETURNS device_allocations
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE device_allocations SET end_reason = p_reason WHERE id = target.id AND expires_at > p_at;
    RETURN end_allocation(target, 'revoked', p_at);
END $$;
