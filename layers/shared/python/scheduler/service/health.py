"""Tell how the scheduler and its neighbours are."""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.ports import Probe


@dataclass(frozen=True, slots=True)
class Health:
    """`status`: ok, degraded (something that may be missing is) or down; `parts`: up or down by name."""

    status: str
    parts: dict[str, str]


def check_health(probes: Sequence[Probe]) -> Health:
    """Ask each dependency; only a vital one that is down brings the scheduler down."""
    answers = {probe.name: probe.answers() for probe in probes}
    if not all(answers[probe.name] for probe in probes if probe.vital):
        status = "down"
    elif not all(answers.values()):
        status = "degraded"
    else:
        status = "ok"
    return Health(status, {name: "up" if up else "down" for name, up in answers.items()})
