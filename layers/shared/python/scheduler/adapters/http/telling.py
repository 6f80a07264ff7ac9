"""Tell a neighbour what it has to know: behind a circuit, within the time that is left, until it acknowledges."""

from collections.abc import Callable

from scheduler.adapters.http.circuit import CircuitStore, guarded
from scheduler.adapters.http.neighbour import Call, acknowledged
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.session import Answer, ServiceFailed
from scheduler.ports import Meter

LEAST_SECONDS = 1.0
"""With less, a failure would say more about us than about the service."""


class Telling[Whom]:
    """One kind of thing that is told; `Whom` is what the neighbour is asked for: a tenant, or a user.

    Its circuit is not that of what is read from the same neighbour: telling may fail where reading works, and must not
    stop allocations.
    """

    def __init__(
        self,
        ask: Callable[[Whom, Call, Patience], Answer],
        circuit: str,
        breaker: CircuitStore,
        meter: Meter,
        patience: Patience,
        seconds_left: Callable[[], float],
    ) -> None:
        """Take what asks, and what tells how many seconds the running function may still spend."""
        self._ask = ask
        self._patience = patience
        self._seconds_left = seconds_left
        self._guarded_tell = guarded(self._tell, circuit, breaker, meter)

    def trouble(self, whom: Whom, call: Call) -> str | None:
        """Tell it; None when the service has acknowledged, else why it is to be told again."""
        if self._seconds_left() < LEAST_SECONDS:
            return "no time left"
        try:
            answer = self._guarded_tell(whom, call)
        except ServiceFailed as failure:
            return str(failure)
        return None if acknowledged(answer) else f"status {answer.status}"

    def _tell(self, whom: Whom, call: Call) -> Answer:
        return self._ask(whom, call, self._patience.within(self._seconds_left()))
