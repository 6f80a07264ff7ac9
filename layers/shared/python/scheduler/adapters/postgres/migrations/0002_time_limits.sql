-- No session of ours waits or idles without bound, whatever a frozen or killed function leaves behind.
-- By database setting, not by SET: a pooling proxy cannot multiplex a session that ran SET.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET lock_timeout = %L', current_database(), '3s');
    EXECUTE format('ALTER DATABASE %I SET statement_timeout = %L', current_database(), '9s');
    EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = %L', current_database(), '10s');
    EXECUTE format('ALTER DATABASE %I SET timezone = %L', current_database(), 'UTC');
END $$;
