"""A circuit breaker around one kind of call: after failures in a row, nobody waits for a neighbour that is down."""

import logging
from collections.abc import Callable

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    CircuitTransition,
    circuit_breaker,
)
from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import CircuitBreakerPersistenceLayer

from scheduler.adapters.http.session import ServiceFailed
from scheduler.ports import Meter

OPEN_SECONDS = 10
"""How long nobody asks; then one does, and her answer decides."""
_FAILURES_IN_A_ROW = 3
_REMEMBERED_SECONDS = 1

logger = logging.getLogger(__name__)


class CircuitOpen(ServiceFailed):
    """The neighbour failed a moment ago and was not asked."""


def guarded[**P, T](
    call: Callable[P, T], name: str, store: CircuitBreakerPersistenceLayer, meter: Meter
) -> Callable[P, T]:
    """Wrap a call that raises `ServiceFailed`; other errors say nothing about the neighbour.

    Raises:
        CircuitOpen: By the wrapped call, instead of calling.
    """

    def changed(transition: CircuitTransition) -> None:
        logger.warning("circuit changed", extra={"circuit": name, "state": str(transition.to_state)})
        meter.count(f"Circuit.{transition.to_state}")

    config = CircuitBreakerConfig(
        failure_threshold=_FAILURES_IN_A_ROW,
        recovery_timeout=OPEN_SECONDS,
        success_threshold=1,
        handled_exceptions=ServiceFailed,
        local_cache_max_age=_REMEMBERED_SECONDS,
    )
    protected = circuit_breaker(name, store, on_transition=changed, config=config)(call)

    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            result: T = protected(*args, **kwargs)
        except CircuitBreakerOpenError:
            raise CircuitOpen("circuit open") from None
        return result

    return ask
