"""The user service applied every change of usage once, and knows what each user holds."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.fault.checker.events import ENDS, GRANT
from tests.fault.checker.requests import user_of
from tests.fault.history import Effect, EventRow, Evidence, Violation

PROMISE = "effects"

_SIGN = {"increment": 1, "decrement": -1}


def check(evidence: Evidence) -> list[Violation]:
    """Compare what was applied with the events that should have been; proves nothing of a run that was not drained."""
    if not (evidence.complete and evidence.delivers):
        return []
    applied: defaultdict[str, list[Effect]] = defaultdict(list)
    for effect in evidence.effects:
        applied[effect.key].append(effect)
    return [*_by_event(evidence, applied), *_by_user(evidence, applied)]


def _by_event(evidence: Evidence, applied: dict[str, list[Effect]]) -> Iterator[Violation]:
    due = {event.event_id: event for event in evidence.events if event.type == GRANT or event.type in ENDS}
    parked = set(evidence.parked)
    for event_id, event in due.items():
        effects = applied.get(event_id, [])
        if len(effects) > 1:
            yield _broken(f"{event.type} {event_id} was applied {len(effects)} times", event_id)
        elif not effects and event_id not in parked:
            yield _broken(f"{event.type} {event_id} was never applied", event_id)
        elif effects and not _agrees(effects[0], event):
            yield _broken(f"{event.type} {event_id} was applied as {effects[0]}", event_id)
    for event_id in applied.keys() - due.keys():
        yield _broken(f"{event_id} was applied, but is no event that changes usage", event_id)


def _agrees(effect: Effect, event: EventRow) -> bool:
    told = (effect.operation, effect.tenant, effect.user, effect.device_id)
    return told == (_operation(event), event.data.get("tenantId"), event.data.get("userId"), event.data.get("deviceId"))


def _by_user(evidence: Evidence, applied: dict[str, list[Effect]]) -> Iterator[Violation]:
    wanted: Counter[str] = Counter()
    for row in evidence.allocations:
        wanted[user_of(row.tenant, row.user)] += row.status == "allocated"
    parked = set(evidence.parked)
    for event in evidence.events:
        if event.event_id in parked and event.event_id not in applied and (event.type == GRANT or event.type in ENDS):
            user = user_of(str(event.data.get("tenantId")), str(event.data.get("userId")))
            wanted[user] -= _SIGN[_operation(event)]
    known: Counter[str] = Counter()
    for effect in evidence.effects:
        known[user_of(effect.tenant, effect.user)] += _SIGN.get(effect.operation, 0)
    for user in sorted(wanted.keys() | known.keys()):
        if wanted[user] != known[user]:
            what = f"the user service counts {known[user]} devices of {user} instead of {wanted[user]}"
            yield Violation(PROMISE, what, {"user": user})


def _operation(event: EventRow) -> str:
    return "increment" if event.type == GRANT else "decrement"


def _broken(what: str, event_id: str) -> Violation:
    return Violation(PROMISE, what, {"event": event_id})
