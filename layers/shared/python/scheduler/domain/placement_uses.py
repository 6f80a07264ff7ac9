"""After what share of the asked minutes devices come back: counts that fade, by tenant and step of asked minutes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp2
from typing import Any

from scheduler.domain.placement_model import PlacementModel, step_of
from scheduler.domain.placement_record import DAY_SECONDS

DRAWN_TO_THE_MODEL = 20.0
"""Sessions: so much does what the model says of a tenant and step, or else of all, count against their own."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is remembered of the sessions of a tenant and step that ended by themselves; old ones fade.

    Attributes:
        sessions: How many; fading, so not whole.
        shares: Sum of the shares of the asked minutes after which they ended, each at most 1; fading.
        as_of: The time up to which it has faded, in seconds since 1970.
    """

    sessions: float = 0.0
    shares: float = 0.0
    as_of: float = 0.0

    def plus(self, share: float, at: float, half_life_days: float) -> "Use":
        """Let it fade up to a time, and add a session; one that ended before `as_of` makes nothing fade."""
        left = exp2(min(self.as_of - at, 0.0) / (half_life_days * DAY_SECONDS))
        return Use(self.sessions * left + 1, self.shares * left + min(share, 1.0), max(self.as_of, at))


NEVER_SEEN = Use()
"""Nothing is known."""

type Cell = tuple[str, int]
"""A tenant, and a step of asked minutes."""


def share_of(model: PlacementModel, cell: Cell, use: Use) -> float:
    """Give the share after which devices are expected back, drawn towards the model's."""
    usual = model.share(*cell)
    return (DRAWN_TO_THE_MODEL * usual + use.shares) / (DRAWN_TO_THE_MODEL + use.sessions)


def uses_after(
    model: PlacementModel, known: Sequence[Mapping[str, Any]], endings: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Fold endings in, in their order; give what changed, by the columns' names.

    Args:
        model: Says how they fade, and what they are drawn to.
        known: Rows as they are kept (`tenant_id`, `step`, `sessions`, `shares`, `as_of`).
        endings: Sessions that ended by themselves: `tenantId`, `minutes` asked, `hours` used, `endedAt`.
    """
    uses: dict[Cell, Use] = {
        (row["tenant_id"], row["step"]): Use(row["sessions"], row["shares"], row["as_of"]) for row in known
    }
    changed: dict[Cell, Use] = {}
    for told in endings:
        cell = told["tenantId"], step_of(told["minutes"])
        before = changed.get(cell, uses.get(cell, NEVER_SEEN))
        changed[cell] = before.plus(told["hours"] * 60 / told["minutes"], told["endedAt"], model.half_life_days)
    return [
        {
            "tenant_id": cell[0],
            "step": cell[1],
            "sessions": use.sessions,
            "shares": use.shares,
            "as_of": use.as_of,
            "share": share_of(model, cell, use),
        }
        for cell, use in sorted(changed.items())
    ]
