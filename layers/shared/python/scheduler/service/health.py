"""Tell how the scheduler and its neighbours are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scheduler.domain.errors import Unavailable
from scheduler.domain.events import Backlog
from scheduler.ports import BacklogStore, CircuitBook, Probe


@dataclass(frozen=True, slots=True)
class Health:
    """`status`: ok, degraded (something that may be missing is) or down; `parts`: up or down by name.

    `outbox`: what waits to be published, None when Postgres does not answer; `circuits`: their states by name.
    """

    status: str
    parts: Mapping[str, str]
    outbox: Backlog | None
    circuits: Mapping[str, str]


class HealthCheck:
    """Asks each dependency; only a vital one that is down brings the scheduler down."""

    def __init__(self, probes: Sequence[Probe], outbox: BacklogStore, circuits: CircuitBook) -> None:
        """Take who is asked; one of the probes asks Postgres, where the outbox is."""
        self._probes = probes
        self._outbox = outbox
        self._circuits = circuits

    def look(self) -> Health:
        """Ask them all. What waits and open circuits are told, but leave the status as it is."""
        answers = {probe.name: probe.answers() for probe in self._probes}
        can_work = all(answers[probe.name] for probe in self._probes if probe.vital)
        if not can_work:
            status = "down"
        elif not all(answers.values()):
            status = "degraded"
        else:
            status = "ok"
        parts = {name: "up" if up else "down" for name, up in answers.items()}
        return Health(status, parts, self._backlog() if can_work else None, self._circuits.states())

    def _backlog(self) -> Backlog | None:
        try:
            return self._outbox.backlog()
        except Unavailable:
            return None
