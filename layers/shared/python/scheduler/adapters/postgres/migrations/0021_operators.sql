-- Operators change quotas and plans by request, and send parked messages back. No other request may, though the role of the functions
-- now can.

CREATE TABLE redrives (
    name     varchar(50) PRIMARY KEY,
    most     integer     NOT NULL,
    begun_at timestamptz NOT NULL
);
COMMENT ON TABLE redrives IS 'The last redrive of each queue, written before a message moves: so the audit log has every one';
COMMENT ON COLUMN redrives.most IS 'How many messages it was to send back at most';
CREATE TRIGGER redrives_acts AFTER INSERT OR UPDATE OR DELETE ON redrives FOR EACH ROW
    WHEN (coalesce(current_setting('app.operator', true), '') <> '') EXECUTE FUNCTION note_act('dead_letters', 'name');

CREATE FUNCTION operators_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'scheduler_app' AND coalesce(current_setting('app.operator', true), '') = '' THEN
        RAISE EXCEPTION 'only operators change %', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION operators_only() IS 'Lets requests of nobody but operators write a row; schedules, queues and migrations are no requests';

CREATE TRIGGER quotas_by_operators BEFORE INSERT OR UPDATE ON quotas FOR EACH ROW EXECUTE FUNCTION operators_only();
CREATE TRIGGER quota_plans_by_operators BEFORE INSERT OR UPDATE ON quota_plans FOR EACH ROW EXECUTE FUNCTION operators_only();
CREATE TRIGGER user_standing_by_operators BEFORE INSERT OR UPDATE ON user_standing FOR EACH ROW EXECUTE FUNCTION operators_only();
CREATE TRIGGER redrives_by_operators BEFORE INSERT OR UPDATE ON redrives FOR EACH ROW EXECUTE FUNCTION operators_only();
GRANT SELECT, INSERT, UPDATE ON redrives TO scheduler_app;
GRANT SELECT ON redrives TO scheduler_readonly;
GRANT INSERT, UPDATE ON quotas, quota_plans TO scheduler_app;
GRANT SELECT, INSERT, UPDATE ON user_standing TO scheduler_app;
