-- After what share of the asked minutes a tenant's devices come back, as learned of its ended sessions: for how long a claim expects use.

CREATE TABLE placement_uses (
    tenant_id varchar(255)     NOT NULL,
    step      integer          NOT NULL CHECK (step > 0),
    sessions  double precision NOT NULL,
    shares    double precision NOT NULL,
    as_of     double precision NOT NULL,
    share     double precision NOT NULL CHECK (share >= 0 AND share <= 1),
    PRIMARY KEY (tenant_id, step)
);
COMMENT ON TABLE placement_uses IS 'How much of the asked minutes is used, by tenant and step of asked minutes: counts that fade';
COMMENT ON COLUMN placement_uses.step IS 'Asked minutes up to this; longer ones count with the last';
COMMENT ON COLUMN placement_uses.sessions IS 'That ended by themselves; fading, so not whole';
COMMENT ON COLUMN placement_uses.shares IS 'Sum of the shares that they used; fading';
COMMENT ON COLUMN placement_uses.as_of IS 'Up to when it has faded, in seconds since 1970';
COMMENT ON COLUMN placement_uses.share IS 'What claims expect: the mean, drawn towards what the model says';

SELECT raise_wall('placement_uses');
GRANT SELECT ON placement_uses TO scheduler_app, scheduler_readonly;
GRANT DELETE ON placement_uses TO scheduler_worker;

-- What a claim needs of the published model as numbers: to read them out of the document in each claim costs more than to weigh with them.
CREATE TYPE claim_weights AS (
    failure double precision, hazard double precision, fixed double precision, stickiness double precision, gap double precision,
    use double precision, own double precision, share double precision
);
COMMENT ON TYPE claim_weights IS 'The numbers of placement_strategy.terms, as domain/placement.terms_of gives them';
ALTER TABLE placement_strategy ADD COLUMN weights claim_weights GENERATED ALWAYS AS (ROW (
    (terms ->> 'failure')::float, (terms ->> 'hazard')::float, (terms ->> 'fixed')::float, (terms ->> 'stickiness')::float,
    (terms ->> 'gap')::float, (terms ->> 'use')::float, (terms ->> 'own')::float, (terms ->> 'share')::float)::claim_weights) STORED;
COMMENT ON COLUMN placement_strategy.weights IS 'The numbers of "terms", for claims';
