"""What learning of ended allocations needs of where they and what is learned are kept."""

from typing import Protocol

from scheduler.domain.lessons import Learned
from scheduler.domain.outcome import Facts
from scheduler.domain.placement_model import PlacementModel


class Lessons(Protocol):
    """Where ended allocations wait to be learned from, in the order of their ends."""

    def next(self, limit: int) -> Facts | None:
        """Read the next ones, up to `limit`, with what is known so far; None: no model is published."""

    def keep(self, lesson: Facts, model: str, taught: Learned) -> bool:
        """Keep what one taught; False: another was faster, and nothing was kept."""

    def publish(self, model: PlacementModel, by: str) -> None:
        """Make a model the one that records are kept by."""

    def learning(self) -> Facts | None:
        """Read how far the published model has been taught; None: none is published."""
