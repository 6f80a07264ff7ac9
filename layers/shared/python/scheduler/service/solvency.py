"""Whether a user can pay: asked before anything is locked or lent."""

from typing import TYPE_CHECKING

from scheduler.domain.model import RequestKey, User
from scheduler.domain.outcome import Facts, accepted
from scheduler.ports import KeyStore

if TYPE_CHECKING:
    from scheduler.ports.billing import BalanceSource


class Solvency:
    """Refuses as the database does: a final refusal is kept under the key, and what was answered before stands."""

    def __init__(self, balances: "BalanceSource", keys: KeyStore) -> None:
        """Take where balances are asked, and where answers are kept."""
        self._balances = balances
        self._keys = keys

    def answer(self, user: User, key: RequestKey | None) -> Facts | None:
        """Give None when the user can pay; else what the same request was granted before, if it was.

        Raises:
            InsufficientBalance: She cannot.
            BillingServiceUnavailable: It cannot be told now, and that is not to allow.
            SchedulerError: What the same request was refused with before.
        """
        refusal = self._balances.refusals([user]).get(user)
        if refusal is None:
            return None
        if key is None:
            return accepted(refusal)
        if refusal["outcome"] == "insufficient_balance":
            return accepted(self._keys.keep(key, refusal))
        return accepted(self._keys.kept(key) or refusal)
