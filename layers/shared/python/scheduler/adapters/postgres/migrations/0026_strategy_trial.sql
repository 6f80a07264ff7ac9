-- Another strategy is followed while the learned one is tried: on none of the requests, or on a share of them.

ALTER TABLE placement_strategy ADD COLUMN trial_share double precision CHECK (trial_share >= 0 AND trial_share < 1);
COMMENT ON COLUMN placement_strategy.trial_share IS
    'Share of requests that the learned strategy lends to; 0: none, it only says what it would have lent; NULL: it is not tried';

ALTER TABLE placement_learning ADD COLUMN trial jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN placement_learning.trial IS 'How the sessions of a trial ended, by arm ("arms"), and which trial it is: when it was chosen ("from")';
