"""Proves from the evidence of a run that every promise was kept, or names what shows that one was not.

What nobody can know counts as may-have-happened: no check raises a false alarm. Each promise has one module.
"""

from collections.abc import Callable, Mapping

from tests.fault.checker import (
    answers,
    effects,
    events,
    grants,
    holds,
    locks,
    quota,
    releases,
    renewals,
    reservations,
    waits,
)
from tests.fault.history import Evidence, Violation

type Check = Callable[[Evidence], list[Violation]]

CHECKS: Mapping[str, Check] = {
    holds.PROMISE: holds.check,
    answers.PROMISE: answers.check,
    grants.PROMISE: grants.check,
    releases.PROMISE: releases.check,
    renewals.PROMISE: renewals.check,
    reservations.PROMISE: reservations.check,
    waits.PROMISE: waits.check,
    quota.PROMISE: quota.check,
    events.PROMISE: events.check,
    effects.PROMISE: effects.check,
    locks.PROMISE: locks.check,
}
"""By the name of the promise, as it stands in a violation."""


def check(evidence: Evidence) -> list[Violation]:
    """Check every promise; an empty list means that all were kept."""
    return [violation for look in CHECKS.values() for violation in look(evidence)]
