"""Lets the functions' roles log in by IAM tokens; by passwords, whoever deploys does."""

from scheduler.adapters.postgres.connection import Database

LOGIN_ROLES = ("scheduler_app", "scheduler_worker", "scheduler_relay", "scheduler_readonly")

_LET_IN = """
DO $$
BEGIN
    EXECUTE 'ALTER ROLE {role} LOGIN';
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') AND NOT pg_has_role('{role}', 'rds_iam', 'MEMBER') THEN
        GRANT rds_iam TO {role};
    END IF;
END $$"""


def let_roles_in(database: Database) -> None:
    """Let each role log in; RDS asks for a token where the role is a member of `rds_iam`."""
    for role in LOGIN_ROLES:
        database.call(_LET_IN.format(role=role), {})
