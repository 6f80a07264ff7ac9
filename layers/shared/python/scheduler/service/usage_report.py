"""What was billed to whom, added up."""

from collections.abc import Sequence
from datetime import datetime

from scheduler.domain.billing import Period, UsageFilter, UsageLine, period_of
from scheduler.ports.billing import UsageReports


class UsageReport:
    """Pages of sums."""

    def __init__(self, reports: UsageReports) -> None:
        """Take where sums are made."""
        self._reports = reports

    def period(self, since: datetime | None, until: datetime | None) -> Period:
        """Complete a period by the database's clock.

        Raises:
            ValidationFailed: It is longer than 366 days, or ends before it begins.
        """
        return period_of(since, until, until or self._reports.now())

    def page(self, wanted: UsageFilter) -> tuple[Sequence[UsageLine], bool]:
        """Give the wanted lines, and tell whether more follow.

        Raises:
            ValidationFailed: The period holds more than can be added up at once.
        """
        found = self._reports.page(wanted)
        return found[: wanted.limit], len(found) > wanted.limit
