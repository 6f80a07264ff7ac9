-- How the learned strategy chose, kept beside a grant in its own column: a claim need not make a document of it.

CREATE TYPE weighed_choice AS (
    trial text, model text, explored boolean, rank int, propensity double precision, hours double precision, ids text[],
    costs double precision[], would_lend text
);
COMMENT ON TYPE weighed_choice IS
    'What was weighed: ids of the best by score and what each was expected to cost in the hours of use that were expected, which of them was lent, and how likely that was';

CREATE TYPE weighed_device AS (device devices, weighed weighed_choice);
COMMENT ON TYPE weighed_device IS 'The device that was taken, and what is kept of how it was chosen; NULL: nothing was weighed';

ALTER TABLE device_allocations ADD COLUMN weighed weighed_choice;
COMMENT ON COLUMN device_allocations.weighed IS
    'How the learned strategy chose the device, or would have; NULL: nothing was weighed, or it stands in "decision", as it did once';
