"""Wires the health check."""

from collections.abc import Sequence
from functools import lru_cache

from scheduler.adapters.probes import NeighbourProbe, PostgresProbe, RedisProbe
from scheduler.ports import Probe
from scheduler.runtime import _redis_link, database
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_probes() -> Sequence[Probe]:
    """Wire the health check."""
    known = settings()
    probes: list[Probe] = [PostgresProbe(database())]
    if known.redis_host:
        probes.append(RedisProbe(_redis_link()))
    if known.user_service_url:
        probes.append(NeighbourProbe("userService", known.user_service_url))
    if known.billing_service_url:
        probes.append(NeighbourProbe("billingService", known.billing_service_url))
    if known.notifications.service_url:
        probes.append(NeighbourProbe("notificationService", known.notifications.service_url))
    return probes
