"""The variables of the environment."""

ENVIRONMENT: dict[str, str] = {
    "DATABASE_URL": "Postgres connection URL; or the DB_ variables",
    "DB_HOST": "Postgres host, when DATABASE_URL is empty",
    "DB_PORT": "Postgres port (5432)",
    "DB_DATABASE": "Postgres database (scheduler)",
    "DB_USER": "Postgres user, when the secret names none (scheduler)",
    "DB_SECRET_ID": "Secrets Manager id of {username, password} for Postgres",
    "DB_IAM_AUTH": "true: without a secret the password is an RDS IAM token; the migrate function lets the roles log "
    "in by such (false)",
    "DB_SSL_MODE": "TLS to DB_HOST: prefer, require or verify-full (prefer; require with DB_IAM_AUTH)",
    "DB_SSL_ROOT_CERT": "File of the certificate authorities that verify-full checks with",
    "REDIS_HOST": "Redis or Valkey host; empty: run without",
    "REDIS_PORT": "Redis port (6379)",
    "REDIS_TLS": "true: connect with TLS (false)",
    "REDIS_CLUSTER": "true: the host is a cluster's endpoint, as ElastiCache Serverless always is (false)",
    "REDIS_SECRET_ID": "Secrets Manager id of the Redis password",
    "USER_SERVICE_URL": "User service that gives quotas and takes usage; empty: the built-in plans",
    "SERVICE_TOKEN_SECRET": "Key that signs service tokens, for local use; or SERVICE_TOKEN_SECRET_ID",
    "SERVICE_TOKEN_SECRET_ID": "Secrets Manager id of the key that signs service tokens",
    "QUOTA_ALLOW_ON_ERROR": "true: grant without limits while the user service is down; false: refuse with 503 (false)",
    "BILLING_SERVICE_URL": "Billing service that is told what is billed and asked for balances; empty: neither",
    "BILLING_ALLOW_ON_ERROR": "true: lend and renew while the billing service is down; false: refuse with 503 (true)",
    "DEFAULT_PLAN": "Built-in plan of a user who has none: free, basic, pro or enterprise (pro)",
    "FAILOVER_OFF_TENANTS": "Tenants whose allocations end when their device fails, instead of moving to another; "
    "comma-separated, * for all (none)",
    "NOTIFICATION_SERVICE_URL": "Notification service that is told each notice; empty: notices are only listed",
    "NOTIFICATION_LANGUAGE": "Language of notices for users who prefer none: en or zh (en)",
    "NOTIFICATION_RETENTION_DAYS": "Days that notices are kept, 30 to 3650 (90)",
    "EVENTS_TOPIC_ARN": "SNS FIFO topic that events are published to",
    "EVENTS_IN_DLQ_URL": "SQS FIFO queue where events from outside are parked that cannot be used",
    "DEAD_LETTERS": "Queues that operators may redrive, as name=URL of the dead letters,URL of the "
    "queue, separated by blanks",
    "TENANT_CLAIM": "JWT claim that names the tenant (tenant_id)",
    "OPERATOR_GROUP": "Group (claim cognito:groups) that people with the operators' scope must be in; for issuers that "
    "give scopes to clients, not to people (none)",
    "PLACEMENT_STRATEGY": "Which free device is lent first, until an operator chooses: resource_based, round_robin, "
    "least_connection, weighted_round_robin, best_fit or smart (resource_based)",
    "RECYCLING_ENABLED": "true: a device that comes back is lent again only once it is recycled (wiped), set by the "
    "migrate function (false)",
    "RECYCLING_MINUTES": "Minutes after which a device that is not recycled is quarantined, set by the migrate "
    "function, 1 to 1440 (30)",
    "RATE_WRITE_PER_MINUTE": "Changes a minute by or for one user; 0: any number (120)",
    "RATE_QUERY_PER_MINUTE": "Look-ups a minute by or for one user; 0: any number (600)",
    "RATE_BATCH_PER_MINUTE": "Batches a minute by one caller; 0: any number (30)",
    "RATE_SERVICE_PER_MINUTE": "Requests a minute of all services of a tenant, a batch as many as its items; 0: any "
    "number (6000)",
    "RATE_TIERS": "By what a plan's users have their limits multiplied, as enterprise=5,free=0.5 (all by 1)",
    "CAP_TENANT_ALLOCATIONS": "Active allocations that one tenant may have at a time; 0: any number (0)",
    "CAP_TENANT_RESERVATIONS": "Pending reservations that one tenant may have; 0: any number (10000)",
    "CAP_TENANT_WAITS": "Users of one tenant that may wait in the queue; 0: any number (1000)",
    "CAP_USER_RESERVATIONS": "Pending reservations that one user may have; 0: any number (200)",
    "LOCK_WAIT_SECONDS": "How long a request waits for its user's or device's lock, 0 to 5 (5)",
    "RETENTION_DAYS": "Days that ended allocations are kept, 1 to 3650 (30)",
    "USAGE_RETENTION_DAYS": "Days that usage records are kept, and those not told to the billing service longer, "
    "1 to 3650 (400)",
    "AUDIT_LOG_RETENTION_DAYS": "Days that operators' acts are kept, 30 to 3650 (400)",
    "EXPIRE_RATE_MINUTES": "How often the schedule ends overdue allocations, which the audit holds it to, 1 to 5 (1)",
    "AGEING_MINUTES": "Minutes of waiting that weigh as much as one tier, 1 to 1440 (10)",
    "QUEUE_HOLD_MINUTES": "Minutes after which a waiter whom nothing fits gets a device held, 1 to 120 (15)",
    "NO_SHOW_ENABLED": "true: end a reservation whose owner does not come (false)",
    "NO_SHOW_MINUTES": "Minutes that the owner of a reservation has to come, 1 to 120 (10)",
    "RESERVATION_NOTICE_MINUTES": "Minutes before its start at which a reservation without a working device fails, "
    "0 to 1440 (15)",
    "DISPATCH_SECONDS": "How long one run of dispatch waits for what falls due, 0 to 840 (50)",
    "RELAY_SECONDS": "How long one run of the relay works, 1 to 840 (63: until the next has started)",
    "WEBHOOK_SECONDS": "How long one run sends to webhooks, 0 to 840 (60: until the next has started)",
    "WEBHOOK_ALLOWED_TARGETS": "host:port, separated by commas, that webhooks may lead to by http, and whatever their "
    "address; for local use",
    "DOCS_ENABLED": "false: no OpenAPI document and no Swagger UI (true)",
    "CONSOLE_ENABLED": "false: no operations console (true)",
    "CONSOLE_AUTHORIZE_URL": "Where operators sign in to the console (OIDC authorization endpoint); empty: with a "
    "pasted token only",
    "CONSOLE_TOKEN_URL": "Where the console gets its token for what came back (OIDC token endpoint)",
    "CONSOLE_CLIENT_ID": "The console's public client at both",
    "CONSOLE_SCOPE": "What it asks for (openid scheduler.operator)",
}
"""Every variable the functions read, and what it is for; the README's table is compared with it by a test."""
