"""What billing needs of the outside world."""

from collections.abc import Collection, Mapping
from typing import Protocol

from scheduler.domain.model import User
from scheduler.domain.outcome import Facts


class BalanceSource(Protocol):
    """Where it is asked whether users can pay."""

    def refusals(self, users: Collection[User]) -> Mapping[User, Facts]:
        """Tell to whom nothing may be lent now, each with the outcome that says why, in the time of one."""
