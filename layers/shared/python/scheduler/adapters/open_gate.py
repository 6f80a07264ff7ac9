"""What stands in for Redis where there is none: everybody is admitted, nothing is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from scheduler.domain.model import AvailableFilter, AvailablePage, User
from scheduler.domain.quota import QuotaDocument


@dataclass(frozen=True, slots=True)
class OpenAdmission:
    """A request that met no line."""

    quota: QuotaDocument | None = None

    def fleet_changed(self) -> None:
        """Nothing is kept that could be stale."""


class OpenGate:
    """Admits everybody at once."""

    @contextmanager
    def admit_user(self, user: User) -> Iterator[OpenAdmission]:  # noqa: ARG002
        """Admit at once."""
        yield OpenAdmission()

    @contextmanager
    def admit_device(self, device_id: str) -> Iterator[OpenAdmission]:  # noqa: ARG002
        """Admit at once."""
        yield OpenAdmission()

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        """Keep nothing."""

    def forget_quota(self, user: User) -> None:
        """Nothing is kept."""


class NoCache:
    """Keeps no page."""

    def read(self, wanted: AvailableFilter) -> tuple[AvailablePage | None, int]:  # noqa: ARG002
        """Find nothing."""
        return None, -1

    def store(self, wanted: AvailableFilter, page: AvailablePage, generation: int) -> None:
        """Keep nothing."""

    def evict(self) -> None:
        """Nothing to forget."""
