"""placement_strategy: which free device is lent first, and how far scores follow."""

from collections.abc import Mapping
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import Rescoring, Strategy, StrategyInForce


class PostgresStrategy:
    """Reads and changes the one strategy, and has devices' scores follow it."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def in_force(self) -> StrategyInForce:
        """Read both rows in one statement."""
        (row,) = self._database.rows(
            "SELECT s.name, s.chosen, s.because, s.trial_share, s.chosen_by, s.changed_at,"
            " r.rescored, r.total, r.started_at, r.done_at"
            " FROM placement_strategy s CROSS JOIN placement_rescoring r",
            {},
        )
        rescoring = Rescoring(row["rescored"], row["total"], row["started_at"], row["done_at"])
        return StrategyInForce(
            name=row["chosen"] or row["name"],
            chosen_by=row["chosen_by"],
            changed_at=row["changed_at"],
            rescoring=rescoring,
            effective=row["name"],
            because=row["because"],
            trial_share=row["trial_share"],
        )

    def choose(self, strategy: Strategy, by: str | None, trial_share: float | None = None) -> None:
        """Change it in one round trip; claims read the new one from then on."""
        self._database.call(
            "SELECT choose_strategy(%(name)s, %(trial)s, %(by)s)", {"name": strategy, "trial": trial_share, "by": by}
        )

    def follow_model(self, because: str | None, terms: Mapping[str, Any] | None) -> None:
        """Follow the learned strategy where it is chosen, or give it up meanwhile, in one round trip."""
        self._database.call(
            "SELECT follow_model(%(because)s, %(terms)s)",
            {"because": because, "terms": None if terms is None else Json(dict(terms))},
        )

    def rescore(self, limit: int) -> bool:
        """Score one batch in one round trip."""
        none_left: bool = self._database.call("SELECT rescore_next(%(limit)s)", {"limit": limit})
        return none_left
