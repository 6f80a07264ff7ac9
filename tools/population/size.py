"""How large a population is, and how its progress is told."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_A_DEVICE = 500
"""History of 28 days: more holds of up to an hour would not lie one after the other on a device."""
HISTORY_DAYS = 28
TENANTS = 20

type Tell = Callable[[str], None]
"""Told the name of each step as it begins."""


def silent(_step: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many devices, ended allocations (each with its bill) and pending reservations, and the share that is lent."""

    devices: int
    ended: int = 0
    reservations: int = 0
    occupied: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be filled without breaking an invariant.

        Raises:
            ValueError: There is nothing, the share is none, or a device would have too many holds or reservations.
        """
        if self.devices < 1 or not 0 <= self.occupied <= 1:
            raise ValueError("a population needs devices, and a share of them between 0 and 1")
        if self.ended > MOST_A_DEVICE * self.devices or self.reservations > 15 * self.devices:
            raise ValueError("too much history or too many reservations for so few devices")

    @property
    def users(self) -> int:
        """Users, `user-0` and so on; each belongs to the tenant of her number modulo 20, and has about 12 devices."""
        return max(TENANTS, self.devices * 8 // 100 // TENANTS * TENANTS)
