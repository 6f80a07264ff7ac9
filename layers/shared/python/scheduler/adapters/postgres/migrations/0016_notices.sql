-- What users are told: one row a fact, whether or not a notification service is told of it too.

CREATE TABLE notifications (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    fact       varchar(255)  NOT NULL,
    type       varchar(50)   NOT NULL,
    tenant_id  varchar(255)  NOT NULL,
    user_id    varchar(255)  NOT NULL,
    language   varchar(10)   NOT NULL,
    title      varchar(200)  NOT NULL,
    message    varchar(4000) NOT NULL,
    data       jsonb         NOT NULL,
    channels   varchar(20)[] NOT NULL,
    priority   varchar(20)   NOT NULL CHECK (priority IN ('normal', 'high')),
    created_at timestamptz   NOT NULL,
    read_at    timestamptz,
    told_at    timestamptz,
    UNIQUE (fact, type)
) WITH (fillfactor = 80);
COMMENT ON TABLE notifications IS 'What users were told, in their language; deleted after their retention';
COMMENT ON COLUMN notifications.fact IS 'What is told once: the id of the event, or what several events share that are one fact';
COMMENT ON COLUMN notifications.type IS 'Entry of the catalogue, domain/notices.json';
COMMENT ON COLUMN notifications.data IS 'Members of the event, by their wire names; never an address or a token';
COMMENT ON COLUMN notifications.told_at IS 'When the notification service acknowledged it; NULL: not yet, or there is none';

-- Lists, newest first; the partial one also counts what is unread.
CREATE INDEX notifications_by_user ON notifications (tenant_id, user_id, created_at DESC, id DESC);
CREATE INDEX notifications_unread ON notifications (tenant_id, user_id, created_at DESC, id DESC) WHERE read_at IS NULL;
-- Retention.
CREATE INDEX notifications_by_age ON notifications (created_at);

CREATE TABLE notification_preferences (
    tenant_id  varchar(255) NOT NULL,
    user_id    varchar(255) NOT NULL,
    language   varchar(10)  NOT NULL CHECK (language IN ('en', 'zh')),
    channels   varchar(20)[],
    updated_at timestamptz  NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
COMMENT ON TABLE notification_preferences IS 'How a user wishes to be told; who has no row is told as the parameters say';
COMMENT ON COLUMN notification_preferences.channels IS 'Channels she takes notices on; NULL: all that the notice has';

-- Who has to be warned of an end that is near, soonest first. What lasts no longer than the warning is never warned of.
CREATE INDEX device_allocations_unwarned ON device_allocations (expires_at)
    WHERE status = 'allocated' AND NOT is_warned AND expires_at - allocated_at > interval '10 minutes';
