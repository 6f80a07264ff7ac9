"""A circuit breaker around one kind of call: after failures in a row, nobody waits for a neighbour that is down."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from aws_lambda_powertools.utilities.circuit_breaker import (
    CircuitBreakerConfig,
    CircuitBreakerOpenError,
    CircuitTransition,
    circuit_breaker,
)

from scheduler.adapters.http.session import ServiceFailed
from scheduler.ports import Meter

if TYPE_CHECKING:  # its package imports boto3
    from aws_lambda_powertools.utilities.circuit_breaker.persistence.base import CircuitBreakerPersistenceLayer

OPEN_SECONDS = 10
"""How long nobody asks; then one does, and her answer decides."""
_FAILURES_IN_A_ROW = 3
_REMEMBERED_SECONDS = 1

logger = logging.getLogger(__name__)


class CircuitStore(Protocol):
    """Where the states of circuits are kept: what Powertools calls a persistence layer."""

    def configure(self, config: CircuitBreakerConfig, circuit_name: str) -> None:
        """Take a circuit's times."""

    def get_state(self, name: str) -> Any:
        """Give the circuit, a closed one when none is kept."""

    def save_open(self, name: str, failure_count: int, opened_at: int) -> None:
        """Open a closed circuit."""

    def save_reopen(self, name: str, opened_at: int) -> None:
        """Open a circuit whose probe failed."""

    def save_closed(self, name: str) -> None:
        """Close a circuit."""

    def try_acquire_half_open(self, name: str, owner: str, opened_at: int) -> bool:
        """Become the one who probes."""


class CircuitOpen(ServiceFailed):
    """The neighbour failed a moment ago and was not asked."""


def guarded[**P, T](call: Callable[P, T], name: str, store: CircuitStore, meter: Meter) -> Callable[P, T]:
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
    layer = cast("CircuitBreakerPersistenceLayer", store)
    protected = circuit_breaker(name, layer, on_transition=changed, config=config)(call)

    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            result: T = protected(*args, **kwargs)
        except CircuitBreakerOpenError:
            raise CircuitOpen("circuit open") from None
        return result

    return ask
