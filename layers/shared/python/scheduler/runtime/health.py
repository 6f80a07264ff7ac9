"""Wires the health check."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from scheduler.adapters.http import circuit_names
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.adapters.probes import NeighbourProbe, PostgresProbe, RedisProbe
from scheduler.ports import Probe
from scheduler.runtime import _breaker_store, _redis_link, database
from scheduler.service.health import HealthCheck
from scheduler.settings import settings


class _Circuits:
    """The circuits around the neighbours that there are, as Redis keeps them for all functions."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def states(self) -> Mapping[str, str]:
        return _breaker_store().states(self._names) if self._names else {}


@lru_cache(maxsize=1)
def get_health_check() -> HealthCheck:
    """Wire the health check."""
    known = settings()
    probes: list[Probe] = [PostgresProbe(database())]
    circuits: list[str] = []
    if known.redis_host:
        probes.append(RedisProbe(_redis_link()))
    if known.user_service_url:
        probes.append(NeighbourProbe("userService", known.user_service_url))
        circuits += [circuit_names.USER_SERVICE, circuit_names.USER_SERVICE_USAGE]
    if known.billing_service_url:
        probes.append(NeighbourProbe("billingService", known.billing_service_url))
        circuits += [circuit_names.BILLING_SERVICE, circuit_names.BILLING_SERVICE_METERING]
    if known.notifications.service_url:
        probes.append(NeighbourProbe("notificationService", known.notifications.service_url))
        circuits.append(circuit_names.NOTIFICATION_SERVICE)
    return HealthCheck(probes, PostgresOutbox(database()), _Circuits(circuits))
