"""What the choice of a placement strategy needs of where it is kept."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from scheduler.domain.model import Strategy, StrategyInForce
from scheduler.domain.outcome import Facts


class StrategyStore(Protocol):
    """Where the strategy is kept, and scores with it."""

    def in_force(self) -> StrategyInForce:
        """Read it, and how far scores follow it."""

    def choose(self, strategy: Strategy, by: str | None, trial_share: float | None = None) -> None:
        """Change it; `by` None: for the deployment, which leaves an operator's choice as it is.

        `trial_share`: of the requests, on which the learned strategy is tried beside it; None: it is not.
        """

    def follow_model(self, because: str | None, terms: Mapping[str, Any] | None) -> None:
        """Where the learned strategy is chosen or tried: follow it, or `because` of something another meanwhile.

        `terms`: what a claim needs of the model (`placement.terms_of`); None: there is none.
        """

    def rescore(self, limit: int) -> bool:
        """Score the next devices by it, up to `limit`; True: none is left."""


class Appraisals(Protocol):
    """Where devices wait to be appraised, round by round in the order of id."""

    def learning(self) -> Facts | None:
        """Read how far the published model has been taught; None: none is published."""

    def next_appraisals(self, limit: int) -> Facts | None:
        """Read the next devices of the round with what is known of them; None: no model is published."""

    def keep_appraisals(self, after: str, last: str, appraisals: Sequence[Mapping[str, Any]]) -> bool:
        """Keep what they are worth, up to `last` ("" ends the round); False: another was faster, nothing was kept."""
