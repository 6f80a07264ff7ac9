-- Cursors are signed. The keys lie here, so that every function has the same and none needs another service to read them.
CREATE TABLE cursor_keys (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret     bytea NOT NULL CHECK (octet_length(secret) >= 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE cursor_keys IS 'Keys that sign the cursors of lists; the newest signs, an older one is believed until it is deleted';

-- Two random UUIDs are 244 bits from the operating system's generator, without an extension.
INSERT INTO cursor_keys (secret) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Whoever answers requests reads them; nobody but the owner of the schema makes or deletes any.
REVOKE ALL ON cursor_keys FROM scheduler_worker, scheduler_engine;
GRANT SELECT ON cursor_keys TO scheduler_app, scheduler_worker;
