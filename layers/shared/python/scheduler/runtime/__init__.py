"""Wires adapters to use cases, once an execution environment. What a route does not use is not imported."""

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from scheduler.adapters.aws.meter import EmfMeter
from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.edge import cursors, limits
from scheduler.edge.telemetry import metrics
from scheduler.ports import AvailableCache, Gate, Meter, UsageReporter
from scheduler.runtime.connection import database as database
from scheduler.runtime.connection import forget_secret
from scheduler.runtime.snapshots import survive_snapshots
from scheduler.settings import settings

if TYPE_CHECKING:
    from scheduler.adapters.http.user_service import UserService
    from scheduler.adapters.redis.breaker_store import RedisBreakerStore
    from scheduler.adapters.redis.client import Client, RedisLink
    from scheduler.adapters.redis.limiter import RedisLimiter
    from scheduler.ports.batches import QuotaBook
    from scheduler.service.allocator import Allocator
    from scheduler.service.auditor import Auditor
    from scheduler.service.catalog import Catalog
    from scheduler.service.cleaner import Cleaner
    from scheduler.service.expirer import Expirer
    from scheduler.service.fleet import Fleet
    from scheduler.service.relay import Relay
    from scheduler.service.releaser import Releaser
    from scheduler.service.solvency import Solvency
    from scheduler.service.statistician import Statistician
    from scheduler.service.usage_deliverer import UsageDeliverer
    from scheduler.service.waiting import PatientAllocator


def meter() -> Meter:
    """Give where metrics go."""
    return EmfMeter(metrics)


@lru_cache(maxsize=1)
def get_allocator() -> "Allocator":
    """Wire POST /devices/allocate."""
    from scheduler.service.allocator import Allocator

    return Allocator(PostgresAllocations(database(), settings().caps), _quotas(), _gate(), meter(), _solvency())


def get_patient_allocator() -> "PatientAllocator":
    """Wire POST /devices/allocate for those who wait: without them nothing of the queue is loaded."""
    from scheduler.runtime.queue import get_patient_allocator

    return get_patient_allocator()


@lru_cache(maxsize=1)
def get_releaser() -> "Releaser":
    """Wire POST /devices/release."""
    from scheduler.service.releaser import Releaser

    return Releaser(PostgresAllocations(database()), _gate(), meter())


@lru_cache(maxsize=1)
def get_expirer() -> "Expirer":
    """Wire the expiry sweep."""
    from scheduler.adapters.postgres.keys import PostgresKeys
    from scheduler.service.expirer import Expirer

    return Expirer(PostgresAllocations(database()), PostgresKeys(database()), _available_cache(), meter())


@lru_cache(maxsize=1)
def get_catalog() -> "Catalog":
    """Wire the look-ups."""
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.service.catalog import Catalog

    store = PostgresAllocations(database())
    return Catalog(store, PostgresDevices(database()), _available_cache(), meter())


@lru_cache(maxsize=1)
def get_fleet() -> "Fleet":
    """Wire the operators' changes of devices."""
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.service.fleet import Fleet

    return Fleet(PostgresDevices(database()), _available_cache())


@lru_cache(maxsize=1)
def get_cleaner() -> "Cleaner":
    """Wire the daily cleanup."""
    from scheduler.adapters.postgres.upkeep import PostgresUpkeep
    from scheduler.service.cleaner import Cleaner

    known = settings()
    return Cleaner(
        PostgresAllocations(database()),
        PostgresUpkeep(database()),
        meter(),
        known.retention.days,
        usage_retention_days=known.retention.usage_days,
        audit_log_retention_days=known.retention.audit_log_days,
        notification_retention_days=known.notifications.retention_days,
        tells=bool(known.billing_service_url),
    )


@lru_cache(maxsize=1)
def get_statistician() -> "Statistician":
    """Wire the hourly statistics."""
    from scheduler.adapters.postgres.upkeep import PostgresUpkeep
    from scheduler.service.statistician import Statistician

    return Statistician(PostgresUpkeep(database()), meter())


@lru_cache(maxsize=1)
def get_auditor() -> "Auditor":
    """Wire the audit."""
    from scheduler.adapters.postgres.audit.store import PostgresAudit
    from scheduler.service.auditor import Auditor

    return Auditor(PostgresAudit(database(), settings().expire_rate_minutes), meter())


@lru_cache(maxsize=1)
def get_relay() -> "Relay":
    """Wire the relay from the outbox to the topic."""
    from scheduler.adapters.aws.publisher import SnsPublisher
    from scheduler.adapters.postgres.outbox import PostgresOutbox
    from scheduler.service.relay import AT_ONCE, Relay

    return Relay(PostgresOutbox(database()), SnsPublisher(settings().events_topic_arn, AT_ONCE), meter())


@lru_cache(maxsize=1)
def get_usage_deliverer() -> "UsageDeliverer":
    """Wire the usage queue."""
    from scheduler.adapters.postgres.outbox import PostgresInbox
    from scheduler.service.usage_deliverer import UsageDeliverer

    return UsageDeliverer(_usage_reporter(), PostgresInbox(database()))


def _quotas() -> "QuotaBook":
    known = settings()
    if known.user_service_url:
        return _user_service_quotas()
    from scheduler.adapters.postgres.quotas import BuiltInQuotas

    return BuiltInQuotas(database(), known.default_plan)


def _user_service_quotas() -> "QuotaBook":
    from scheduler.adapters.http.user_service import UserServiceQuotas
    from scheduler.domain.plans import plan_document

    known = settings()
    return UserServiceQuotas(
        _user_service(),
        _breaker_store(),
        meter(),
        unknown_user=plan_document(known.default_plan),
        allow_on_error=known.quota_allow_on_error,
    )


def _solvency() -> "Solvency | None":
    """Wire the check of balances; without a billing service there is none, and nothing of it is loaded."""
    if not settings().billing_service_url:
        return None
    from scheduler.runtime.billing import get_solvency

    return get_solvency()


def _usage_reporter() -> UsageReporter | None:
    if not settings().user_service_url:
        return None
    from scheduler.adapters.http.user_service import UserServiceUsage
    from scheduler.edge.queue import seconds_left

    return UserServiceUsage(_user_service(), _breaker_store(), meter(), seconds_left=seconds_left)


def _user_service() -> "UserService":
    from scheduler.adapters.http.user_service import UserService

    known = settings()
    forget = partial(forget_secret, known.service_token_secret_id)
    return UserService(known.user_service_url, _service_token_secret, forget)


def _service_token_secret() -> str:
    known = settings()
    if known.service_token_secret or not known.service_token_secret_id:
        return known.service_token_secret
    from scheduler.adapters.aws.secrets import secret_value

    return secret_value(known.service_token_secret_id)


def _breaker_store() -> "RedisBreakerStore":
    from scheduler.adapters.redis.breaker_store import RedisBreakerStore

    return RedisBreakerStore(_redis_link() if settings().redis_host else None)


def _gate() -> Gate:
    if not settings().redis_host:
        return OpenGate()
    from scheduler.adapters.redis.gate import RedisGate

    return RedisGate(_redis_link(), meter(), settings().lock_wait_seconds, _limiter())


def _limiter() -> "RedisLimiter | None":
    from scheduler.runtime.limits import get_limiter

    return get_limiter() if settings().redis_host else None


def _cursor_keys() -> cursors.KeyRing:
    from scheduler.runtime.limits import get_cursor_keys

    return get_cursor_keys()


limits.count_with(_limiter)
cursors.sign_with(_cursor_keys)


def _available_cache() -> AvailableCache:
    if not settings().redis_host:
        return NoCache()
    from scheduler.adapters.redis.cache import RedisAvailableCache

    return RedisAvailableCache(_redis_link())


@lru_cache(maxsize=1)
def _redis_link() -> "RedisLink":
    from scheduler.adapters.redis.client import RedisLink, connect

    known = settings()

    def client() -> "Client":
        password = None
        if known.redis_secret_id:
            from scheduler.adapters.aws.secrets import secret_value

            password = secret_value(known.redis_secret_id)
        return connect(
            known.redis_host, known.redis_port, tls=known.redis_tls, cluster=known.redis_cluster, password=password
        )

    forget = partial(forget_secret, known.redis_secret_id)
    return RedisLink(client, on_skip=partial(meter().count, "RedisSkipped"), forget_password=forget)


survive_snapshots()
