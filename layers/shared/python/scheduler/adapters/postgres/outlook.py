"""The outlook of those who wait: what it is estimated from, and how promises were kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.calibration import STRATA, Calibration, Estimate, Ratios, Stretch
from scheduler.domain.endings import Endings
from scheduler.domain.eta import Device, Forecast, Outlook, Stream, Waiter


class PostgresOutlook:
    """Reads the line and the fleet at one instant. See routines/queue_outlook.sql."""

    def __init__(self, database: Database, hold_minutes: int) -> None:
        """Work on one connection; whoever has waited `hold_minutes` gets a device kept."""
        self._database = database
        self._hold_seconds = hold_minutes * 60

    def read(self, entry_ids: Sequence[str]) -> Forecast:
        """Read all that the wait of up to 200 entries is estimated from."""
        facts = self._database.call("SELECT queue_outlook(%(entries)s::uuid[])", {"entries": list(entry_ids)})
        line = {waiter.id: waiter for waiter in map(self._waiter, facts["line"] or ())}
        outlook = Outlook(
            now=facts["at"],
            endings=_endings(facts["endings"]),
            devices=[Device(*device) for device in facts["devices"] or ()],
            line=sorted(line.values(), key=lambda waiter: (waiter.rank, waiter.id)),
            streams=[_stream(joining) for joining in facts["streams"] or ()],
        )
        asked = [line[entry] for entry in facts["asked"] if entry in line]
        return Forecast(
            outlook, asked, Stretch.learned(_ratios(facts["ratios"], "p50"), _ratios(facts["ratios"], "p90"))
        )

    def keep_promise(self, entry_id: str, estimate: Estimate) -> None:
        """Keep what a waiter was told at the join, once."""
        self._database.call(
            "SELECT keep_promise(%(entry)s::uuid, %(p50)s, %(p90)s, %(raw_p50)s, %(raw_p90)s)",
            {
                "entry": entry_id,
                "p50": estimate.p50,
                "p90": estimate.p90,
                "raw_p50": estimate.raw_p50,
                "raw_p90": estimate.raw_p90,
            },
        )

    def calibration(self, tenant_id: str | None, days: int) -> Calibration:
        """Tell how the promises of the last days were kept."""
        facts = self._database.call(
            "SELECT queue_calibration(%(tenant)s, %(days)s)", {"tenant": tenant_id, "days": days}
        )
        return Calibration(
            days=facts["days"],
            known=facts["known"],
            within_p50=facts["withinP50"],
            within_p90=facts["withinP90"],
            unknown=facts["unknown"],
        )

    def _waiter(self, fields: Sequence[Any]) -> Waiter:
        entry_id, rank, seconds, waited, gone_in, classes, own = fields
        return Waiter(entry_id, rank, seconds, gone_in, self._hold_seconds - waited, frozenset(classes), own or ())


def _stream(fields: Sequence[Any]) -> Stream:
    head_start, per_second, classes = fields
    return Stream(head_start, per_second, frozenset(classes))


def _endings(facts: Mapping[str, Any]) -> Endings:
    """Read what was learned; of what is not known yet, the domain assumes something."""
    known: dict[str, Any] = {
        "early": tuple(facts.get("early", ())) or None,
        "in_full": facts.get("inFull"),
        "renewals": facts.get("renewals"),
        "renewed_seconds": facts.get("renewedSeconds"),
        "late_seconds": facts.get("lateSeconds"),
    }
    return Endings(**{name: value for name, value in known.items() if value is not None})


def _ratios(facts: Mapping[str, Any], level: str) -> Sequence[Ratios]:
    strata = facts.get(level, {})
    return [_counts(strata.get(str(stratum), {})) for stratum in range(len(STRATA) + 1)]


def _counts(counts: Mapping[str, Mapping[str, int]]) -> Ratios:
    served, left = (
        {int(bucket): count for bucket, count in counts.get(outcome, {}).items()} for outcome in ("served", "left")
    )
    return Ratios(served, left)
