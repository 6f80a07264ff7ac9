"""What batches need of the outside world."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from scheduler.domain.batch import Batch, Claim, Extension, LaterEnd, Refused
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaDocument
from scheduler.ports import QuotaSource


class QuotaBook(QuotaSource, Protocol):
    """A source of quotas that can be asked for many at once."""

    def documents(self, users: Collection[User]) -> Mapping[User, QuotaDocument]:
        """Read the quotas of several users in the time of one; who is missing could not be read."""


class BatchStore(Protocol):
    """Where batches are decided. Each method is one transaction."""

    def claim(self, batch: Batch[Claim | Refused]) -> Facts:
        """Lend a device to each.

        Raises:
            PayloadTooLarge: The items are more than one statement can carry.
        """

    def release(self, batch: Batch[str]) -> Facts:
        """End each allocation."""

    def holders(self, tenant_id: str | None, allocation_ids: Sequence[str]) -> Mapping[str, User]:
        """Tell who holds each allocation of the tenant (None: of any); who is missing is not there."""

    def renew(self, batch: Batch[Extension | Refused], later: LaterEnd) -> Facts:
        """Give each allocation a later end."""

    def active(self, batch: Batch[str], limit: int) -> Facts:
        """List what each user holds, the newest first, at most `limit` each.

        Raises:
            PayloadTooLarge: The users are more than one statement can carry.
        """
