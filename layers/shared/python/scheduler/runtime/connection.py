"""Wires Postgres: one connection an execution environment, and who connects."""

from functools import lru_cache, partial

from scheduler.adapters.postgres.connection import Database
from scheduler.settings import ConfigurationError, aws_login, settings


@lru_cache(maxsize=1)
def database() -> Database:
    """Give the environment's one connection."""
    return Database(database_url, partial(forget_secret, settings().db_secret_id))


def database_url() -> str:
    """Give the connection URL: as it is set, or with credentials from the named secret, or with a fresh IAM token."""
    known = settings()
    if known.database_url:
        return known.database_url
    if not known.db_host:
        raise ConfigurationError("DATABASE_URL or DB_HOST must be set")
    if known.db_secret_id:
        from scheduler.adapters.aws.secrets import secret_fields

        secret = secret_fields(known.db_secret_id)
        return known.database_url_for(secret.get("username", known.db_user), secret["password"])
    if known.db_login.by_iam:
        from scheduler.adapters.aws.database_token import database_token

        token = database_token(known.db_host, known.db_port, known.db_user, aws_login())
        return known.database_url_for(known.db_user, token)
    return known.database_url_for(known.db_user, "")


def forget_secret(secret_id: str) -> None:
    """Have a secret read anew: whoever it was shown to refused it."""
    if secret_id:
        from scheduler.adapters.aws.secrets import forget

        forget(secret_id)
