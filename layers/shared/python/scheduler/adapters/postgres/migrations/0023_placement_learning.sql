-- What devices are known for: fading records of how they served, learned from ended allocations under a published placement model.

ALTER TABLE usage_records ADD COLUMN device_failed boolean;
COMMENT ON COLUMN usage_records.device_failed IS 'true: the device failed its holder in this segment, which counts against it';
GRANT UPDATE (device_failed) ON usage_records TO scheduler_app;  -- an operator's failover

CREATE TABLE placement_models (
    name         varchar(100) PRIMARY KEY,
    document     jsonb        NOT NULL,
    is_active    boolean      NOT NULL DEFAULT true,
    published_by varchar(255) NOT NULL,
    published_at timestamptz  NOT NULL
);
COMMENT ON TABLE placement_models IS 'Learned placement models, each a document of domain/placement_document';
COMMENT ON COLUMN placement_models.is_active IS 'The one that records are kept by; none: nothing is learned';
CREATE UNIQUE INDEX placement_models_active ON placement_models (is_active) WHERE is_active;
CREATE TRIGGER placement_models_acts AFTER INSERT OR UPDATE OR DELETE ON placement_models FOR EACH ROW
    WHEN (coalesce(current_setting('app.operator', true), '') <> '') EXECUTE FUNCTION note_act('placement_model', 'name');

CREATE TABLE placement_records (
    scope         varchar(10)      NOT NULL CHECK (scope IN ('device', 'host', 'kind')),
    id            varchar(255)     NOT NULL,
    failed        double precision NOT NULL,
    at_risk       double precision NOT NULL,
    starts        double precision NOT NULL,
    start_seconds double precision NOT NULL,
    used_hours    double precision NOT NULL,
    as_of         double precision NOT NULL,
    PRIMARY KEY (scope, id)
);
COMMENT ON TABLE placement_records IS 'How a device, or all of a host or a model, have served: counts that fade';
COMMENT ON COLUMN placement_records.failed IS 'Sessions in which it failed; fading, so not whole';
COMMENT ON COLUMN placement_records.at_risk IS 'Standard hours of use; fading';
COMMENT ON COLUMN placement_records.used_hours IS 'Of use in all; does not fade';
COMMENT ON COLUMN placement_records.as_of IS 'Up to when it has faded, in seconds since 1970';

CREATE TABLE placement_learning (
    only_row boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    ended_at timestamptz NOT NULL DEFAULT '-infinity',
    ended_id uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    sessions bigint      NOT NULL DEFAULT 0,
    watched  jsonb       NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE placement_learning IS 'Up to which ended allocation records are kept: each counts once';
COMMENT ON COLUMN placement_learning.watched IS 'Of the last sessions: the chance to fail that the model gave, and whether it did';
INSERT INTO placement_learning DEFAULT VALUES;

GRANT SELECT ON placement_models, placement_records TO scheduler_app;
GRANT SELECT ON placement_models, placement_records, placement_learning TO scheduler_readonly;
