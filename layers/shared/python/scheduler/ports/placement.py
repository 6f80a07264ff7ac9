"""What the choice of a placement strategy needs of where it is kept."""

from typing import Protocol

from scheduler.domain.model import Strategy, StrategyInForce


class StrategyStore(Protocol):
    """Where the strategy is kept, and scores with it."""

    def in_force(self) -> StrategyInForce:
        """Read it, and how far scores follow it."""

    def choose(self, strategy: Strategy, by: str | None) -> None:
        """Change it; `by` None: for the deployment, which leaves an operator's choice as it is."""

    def rescore(self, limit: int) -> bool:
        """Score the next devices by it, up to `limit`; True: none is left."""
