-- Operators choose the placement strategy by request; scores follow batch by batch, and how far they are can be looked at.

ALTER TABLE placement_strategy ADD COLUMN chosen_by varchar(255);
COMMENT ON COLUMN placement_strategy.chosen_by IS
    'Subject of the operator who chose; NULL: nobody has, and the deployment''s PLACEMENT_STRATEGY decides';

-- Apart from the choice: it changes with every batch, while each claim reads the choice.
CREATE TABLE placement_rescoring (
    only_row   boolean      PRIMARY KEY DEFAULT true CHECK (only_row),
    after_id   varchar(255) NOT NULL DEFAULT '',
    rescored   integer      NOT NULL DEFAULT 0 CHECK (rescored >= 0),
    total      integer      NOT NULL DEFAULT 0 CHECK (total >= 0),
    started_at timestamptz,
    done_at    timestamptz,
    CHECK (done_at >= started_at)
);
COMMENT ON TABLE placement_rescoring IS 'How far the devices'' scores follow the strategy that was chosen last';
COMMENT ON COLUMN placement_rescoring.after_id IS 'The last device of the batches that were done, in the order of id';
COMMENT ON COLUMN placement_rescoring.total IS 'Devices that there were at the start';
COMMENT ON COLUMN placement_rescoring.started_at IS 'NULL: no other strategy was ever chosen';
COMMENT ON COLUMN placement_rescoring.done_at IS 'NULL, and begun: batches are left';
INSERT INTO placement_rescoring DEFAULT VALUES;
GRANT SELECT ON placement_rescoring TO scheduler_readonly;
