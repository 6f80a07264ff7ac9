-- The learned strategy: what is followed can differ from what was chosen, and each device has what lending it is expected to cost.

ALTER TABLE placement_strategy
    ADD COLUMN chosen  varchar(50),
    ADD COLUMN because varchar(50),
    ADD COLUMN terms   jsonb;
COMMENT ON COLUMN placement_strategy.name IS 'The strategy that is followed: by it devices are scored and lent';
COMMENT ON COLUMN placement_strategy.chosen IS '"smart" when that was chosen, which may be given up for another meanwhile; NULL: what is followed was';
COMMENT ON COLUMN placement_strategy.because IS 'Why another than the chosen one is followed: model_missing, model_stale, calibration_alarm';
COMMENT ON COLUMN placement_strategy.terms IS 'What a claim needs of the published model: its name, weights, and what a device that nobody knows is expected to cost';

CREATE TABLE placement_appraisals (
    device_id varchar(255)     PRIMARY KEY,
    hazard    double precision NOT NULL,
    drawn     double precision NOT NULL,
    failure   double precision NOT NULL,
    start     double precision NOT NULL,
    wear      double precision NOT NULL,
    fit       double precision NOT NULL,
    score     double precision NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE placement_appraisals IS 'What lending a device is expected to cost by the published model, as of the last round';
COMMENT ON COLUMN placement_appraisals.hazard IS 'Failures expected in an hour';
COMMENT ON COLUMN placement_appraisals.drawn IS 'The same by a draw of what is believed: what a request that explores goes by';
COMMENT ON COLUMN placement_appraisals.score IS 'The costs of a usual session, negative; higher is lent first';

ALTER TABLE placement_learning ADD COLUMN appraised_id varchar(255) NOT NULL DEFAULT '';
COMMENT ON COLUMN placement_learning.appraised_id IS 'The last device of the round of appraisals, in the order of id; empty: a round begins';

GRANT SELECT ON placement_appraisals TO scheduler_app, scheduler_readonly;
