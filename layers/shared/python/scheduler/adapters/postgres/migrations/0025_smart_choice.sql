-- What a claim weighs and takes under the learned strategy.

CREATE TYPE weighed_head AS (id text, class_id integer, place integer, cost double precision, drawn_cost double precision);
COMMENT ON TYPE weighed_head IS 'One of the few best free devices, and what lending it to a request is expected to cost; place: by score';

CREATE TYPE smart_choice AS (device devices, choice jsonb);
COMMENT ON TYPE smart_choice IS 'The device that was taken, and what is kept of how it was chosen; NULL: nothing was weighed';
