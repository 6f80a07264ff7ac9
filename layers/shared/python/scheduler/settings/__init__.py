"""The one place that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote, urlencode

from scheduler.domain.caps import Cap, Caps
from scheduler.domain.model import Language, Strategy
from scheduler.settings.pages import PageSettings, read_pages
from scheduler.settings.reader import ConfigurationError as ConfigurationError
from scheduler.settings.reader import Reader
from scheduler.settings.variables import ENVIRONMENT as ENVIRONMENT
from scheduler.turns import Pace, RateLimits


class SslMode(StrEnum):
    """How far the server has to prove who it is, by libpq's words."""

    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_FULL = "verify-full"


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """Whether IAM tokens are the passwords, and how the connection is protected; without a file, as libpq finds one."""

    by_iam: bool
    ssl_mode: SslMode
    ssl_root_cert: str

    def parameters(self) -> str:
        """Give them as the last part of a connection URL."""
        tls = {} if self.ssl_mode is SslMode.PREFER else {"sslmode": str(self.ssl_mode)}
        tls |= {"sslrootcert": self.ssl_root_cert} if self.ssl_root_cert else {}
        return f"?{urlencode(tls, quote_via=quote)}" if tls else ""


@dataclass(frozen=True, slots=True)
class FleetPolicy:
    """What holds for all devices; the migrate function keeps it in the database."""

    placement_strategy: Strategy
    recycling_enabled: bool
    recycling_minutes: int


@dataclass(frozen=True, slots=True)
class ParkingSettings:
    """Where messages are parked. `dead_letters`: by name, the URLs of the dead letters and of their queue."""

    events_in_dlq_url: str
    dead_letters: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Where notices are told (empty: nowhere), in which language to whom prefers none, and how long they are kept."""

    service_url: str
    language: Language
    retention_days: int


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Days that ended allocations, usage records and operators' acts are kept."""

    days: int
    usage_days: int
    audit_log_days: int


@dataclass(frozen=True, slots=True)
class ReservationSettings:
    """Minutes of notice when no device is left; minutes an owner has to come (None: she may stay away)."""

    notice_minutes: int
    no_show_minutes: int | None


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    """The claim that names the tenant, and the group that people who are operators are in (empty: none is needed)."""

    tenant: str
    operator_group: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, read strictly."""

    database_url: str
    db_host: str
    db_port: int
    db_database: str
    db_user: str
    db_secret_id: str
    db_login: DatabaseLogin
    redis_host: str
    redis_port: int
    redis_tls: bool
    redis_cluster: bool
    redis_secret_id: str
    user_service_url: str
    service_token_secret: str
    service_token_secret_id: str
    quota_allow_on_error: bool
    billing_service_url: str
    billing_allow_on_error: bool
    default_plan: str
    failover_off_tenants: frozenset[str]
    notifications: NotificationSettings
    events_topic_arn: str
    parking: ParkingSettings
    claims: ClaimSettings
    fleet: FleetPolicy
    rates: RateLimits
    caps: Caps
    lock_wait_seconds: float
    retention: RetentionSettings
    expire_rate_minutes: int
    ageing_minutes: int
    queue_hold_minutes: int
    reservations: ReservationSettings
    dispatch_seconds: float
    relay_seconds: float
    webhook_seconds: float
    webhook_allowed_targets: tuple[str, ...]
    pages: PageSettings

    def database_url_for(self, user: str, password: str) -> str:
        """Give the connection URL for credentials that came from elsewhere."""
        return (
            f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}"
            f"@{self.db_host}:{self.db_port}/{quote(self.db_database, safe='')}{self.db_login.parameters()}"
        )


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read and check the environment; a ConfigurationError names the variable that is wrong, never its value."""
    return _settings(Reader(environment, ENVIRONMENT))


def _settings(read: Reader) -> Settings:
    return Settings(
        database_url=read.text("DATABASE_URL"),
        db_host=read.text("DB_HOST"),
        db_port=read.integer("DB_PORT", 5432, 1, 65535),
        db_database=read.text("DB_DATABASE", "scheduler"),
        db_user=read.text("DB_USER", "scheduler"),
        db_secret_id=read.text("DB_SECRET_ID"),
        db_login=_database_login(read),
        redis_host=read.text("REDIS_HOST"),
        redis_port=read.integer("REDIS_PORT", 6379, 1, 65535),
        redis_tls=read.flag("REDIS_TLS", default=False),
        redis_cluster=read.flag("REDIS_CLUSTER", default=False),
        redis_secret_id=read.text("REDIS_SECRET_ID"),
        user_service_url=read.text("USER_SERVICE_URL").rstrip("/"),
        service_token_secret=read.text("SERVICE_TOKEN_SECRET"),
        service_token_secret_id=read.text("SERVICE_TOKEN_SECRET_ID"),
        quota_allow_on_error=read.flag("QUOTA_ALLOW_ON_ERROR", default=False),
        billing_service_url=read.text("BILLING_SERVICE_URL").rstrip("/"),
        billing_allow_on_error=read.flag("BILLING_ALLOW_ON_ERROR", default=True),
        default_plan=read.text("DEFAULT_PLAN", "pro"),
        failover_off_tenants=read.names("FAILOVER_OFF_TENANTS"),
        notifications=_notifications(read),
        events_topic_arn=read.text("EVENTS_TOPIC_ARN"),
        parking=ParkingSettings(read.text("EVENTS_IN_DLQ_URL"), read.pairs("DEAD_LETTERS")),
        claims=ClaimSettings(read.text("TENANT_CLAIM", "tenant_id"), read.text("OPERATOR_GROUP")),
        fleet=_read_fleet_policy(read),
        rates=_rates(read),
        caps=_caps(read),
        lock_wait_seconds=read.number("LOCK_WAIT_SECONDS", 5.0, 0, 5),
        retention=_retention(read),
        expire_rate_minutes=read.integer("EXPIRE_RATE_MINUTES", 1, 1, 5),
        ageing_minutes=read.integer("AGEING_MINUTES", 10, 1, 1440),
        queue_hold_minutes=read.integer("QUEUE_HOLD_MINUTES", 15, 1, 120),
        reservations=_reservations(read),
        dispatch_seconds=read.number("DISPATCH_SECONDS", 50.0, 0, 840),
        relay_seconds=read.number("RELAY_SECONDS", 63.0, 1, 840),
        webhook_seconds=read.number("WEBHOOK_SECONDS", 60.0, 0, 840),
        webhook_allowed_targets=read.targets("WEBHOOK_ALLOWED_TARGETS"),
        pages=read_pages(read),
    )


def _database_login(read: Reader) -> DatabaseLogin:
    by_iam = read.flag("DB_IAM_AUTH", default=False)
    mode = read.one_of(SslMode, "DB_SSL_MODE", SslMode.PREFER)
    if by_iam and mode is SslMode.PREFER:
        mode = SslMode.REQUIRE  # a token must not be read on its way
    return DatabaseLogin(by_iam, mode, read.text("DB_SSL_ROOT_CERT"))


def _read_fleet_policy(read: Reader) -> FleetPolicy:
    return FleetPolicy(
        placement_strategy=read.one_of(Strategy, "PLACEMENT_STRATEGY", Strategy.RESOURCE_BASED),
        recycling_enabled=read.flag("RECYCLING_ENABLED", default=False),
        recycling_minutes=read.integer("RECYCLING_MINUTES", 30, 1, 1440),
    )


def _rates(read: Reader) -> RateLimits:
    return RateLimits(
        by_pace={
            Pace.WRITE: read.integer("RATE_WRITE_PER_MINUTE", 120, 0, 1_000_000),
            Pace.QUERY: read.integer("RATE_QUERY_PER_MINUTE", 600, 0, 1_000_000),
            Pace.BATCH: read.integer("RATE_BATCH_PER_MINUTE", 30, 0, 1_000_000),
        },
        service=read.integer("RATE_SERVICE_PER_MINUTE", 6000, 0, 1_000_000),
        tiers=read.factors("RATE_TIERS"),
    )


def _retention(read: Reader) -> RetentionSettings:
    return RetentionSettings(
        days=read.integer("RETENTION_DAYS", 30, 1, 3650),
        usage_days=read.integer("USAGE_RETENTION_DAYS", 400, 1, 3650),
        audit_log_days=read.integer("AUDIT_LOG_RETENTION_DAYS", 400, 30, 3650),
    )


def _caps(read: Reader) -> Caps:
    return Caps(
        allocations=Cap(tenant=read.integer("CAP_TENANT_ALLOCATIONS", 0, 0, 1_000_000)),
        reservations=Cap(
            tenant=read.integer("CAP_TENANT_RESERVATIONS", 10_000, 0, 1_000_000),
            user=read.integer("CAP_USER_RESERVATIONS", 200, 0, 1_000_000),
        ),
        waits=Cap(tenant=read.integer("CAP_TENANT_WAITS", 1000, 0, 1_000_000)),
    )


def _notifications(read: Reader) -> NotificationSettings:
    return NotificationSettings(
        service_url=read.text("NOTIFICATION_SERVICE_URL").rstrip("/"),
        language=read.one_of(Language, "NOTIFICATION_LANGUAGE", Language.EN),
        retention_days=read.integer("NOTIFICATION_RETENTION_DAYS", 90, 30, 3650),
    )


def _reservations(read: Reader) -> ReservationSettings:
    minutes = read.integer("NO_SHOW_MINUTES", 10, 1, 120)
    return ReservationSettings(
        notice_minutes=read.integer("RESERVATION_NOTICE_MINUTES", 15, 0, 1440),
        no_show_minutes=minutes if read.flag("NO_SHOW_ENABLED", default=False) else None,
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Give the settings of this execution environment."""
    return read_settings(os.environ)


def aws_login() -> Mapping[str, str]:
    """Give the variables in which Lambda tells its credentials and region; asked for each time, for they change."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
