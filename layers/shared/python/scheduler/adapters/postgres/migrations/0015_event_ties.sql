-- Of two events of the same instant one has to be the newer, whichever comes first: the one with the greater id.
ALTER TABLE incoming_newest ADD COLUMN newest_id varchar(255) NOT NULL DEFAULT '';
COMMENT ON COLUMN incoming_newest.newest_id IS 'Its id, which decides between events of the same instant';
