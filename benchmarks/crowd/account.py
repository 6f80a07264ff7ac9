"""What the answers of a run come to: pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.crowd.plan import GRANTED, NO_ENVIRONMENT, RELEASED, UNAVAILABLE, Answer, Told
from benchmarks.figures import percentile

BOUND_SECONDS = 18.0
"""For a request that sends its last statement just before its patience of 8 s ends, and waits 10 s for that."""


@dataclass(frozen=True, slots=True)
class Span:
    """One phase: grants and releases a second, seconds from the sending of a request to its answer, shares of requests.

    `refused` were answered 503 by a function, `turned_away` found no environment (Lambda throttles them).
    """

    name: str
    seconds: float
    per_second: float
    p50: float
    p99: float
    longest: float
    refused: float
    turned_away: float
    refused_p50: float


def spans(told: Told) -> list[Span]:
    """Sum up each phase over the requests that were answered in it."""
    ends = [*(at for _, at in told.begun[1:]), told.ended_at]
    return [
        _span(name, end - begin, [answer for answer in told.answers if begin <= answer.answered_at < end])
        for (name, begin), end in zip(told.begun, ends, strict=True)
    ]


def complaints(told: Told, most_sessions: int, sessions: int) -> list[str]:
    """Say what does not hold, for phases named `below`, `above` and `after`; a bound on a time names the longest."""
    by_name = {span.name: span for span in spans(told)}
    below, above, after = by_name["below"], by_name["above"], by_name["after"]
    longest = max(span.longest for span in by_name.values())
    found = {
        f"{most_sessions} sessions, more than {sessions}": most_sessions > sessions,
        f"an answer took {longest:.1f} s, more than {BOUND_SECONDS:g} s": longest > BOUND_SECONDS,
        f"below capacity {below.refused:.0%} were refused": below.refused > 0,
        "far above capacity nobody was refused or turned away": above.refused + above.turned_away == 0,
        f"after the surge {after.per_second:.0f}/s, in it {above.per_second:.0f}/s": after.per_second
        < 0.7 * min(above.per_second, 2 * below.per_second),
    }
    return [complaint for complaint, holds in found.items() if holds]


def _span(name: str, seconds: float, answers: Sequence[Answer]) -> Span:
    asked = [answer for answer in answers if answer.status != NO_ENVIRONMENT]
    times = [answer.answered_at - answer.sent_at for answer in asked] or [0.0]
    refused = [answer.answered_at - answer.sent_at for answer in asked if answer.status == UNAVAILABLE]
    return Span(
        name=name,
        seconds=seconds,
        per_second=sum(answer.status in {GRANTED, RELEASED} for answer in asked) / seconds if seconds else 0.0,
        p50=percentile(times, 0.50),
        p99=percentile(times, 0.99),
        longest=max(times),
        refused=len(refused) / max(len(answers), 1),
        turned_away=1 - len(asked) / max(len(answers), 1) if answers else 0.0,
        refused_p50=percentile(refused, 0.50) if refused else 0.0,
    )
