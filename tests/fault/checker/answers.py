"""Every answer is one that the API promises, tells nothing of the inside, and is the same for the same key."""

import json
from collections.abc import Iterator, Mapping, Set
from typing import Any

from tests.fault.checker.requests import Request, kept_answers, requests_of
from tests.fault.history import Evidence, Kind, Operation, Violation

PROMISE = "answers"

SUCCESS = {
    Kind.ALLOCATE: 201,
    Kind.RELEASE: 200,
    Kind.LIST: 200,
    Kind.EXPIRE: 200,
    Kind.RENEW: 200,
    Kind.RESERVE: 201,
    Kind.CANCEL_RESERVATION: 200,
    Kind.JOIN: 201,
    Kind.CANCEL_WAIT: 200,
    Kind.LOOK_AT_WAIT: 200,
}
_BUSY = {(409, "user_busy"), (409, "request_in_progress"), (503, "unavailable")}
_QUOTA = {(403, "quota_exceeded"), (503, "quota_service_unavailable")}
REFUSALS: Mapping[Kind, Set[tuple[int, str]]] = {
    Kind.ALLOCATE: _BUSY | _QUOTA | {(409, "no_available_devices")},
    Kind.RELEASE: _BUSY | {(404, "allocation_not_found"), (409, "allocation_not_active"), (409, "stale_fencing_token")},
    Kind.LIST: {(503, "unavailable")},
    Kind.EXPIRE: {(409, "request_in_progress"), (503, "unavailable")},
    Kind.RENEW: _BUSY
    | _QUOTA
    | {
        *((403, "renewal_refused"), (409, "renewal_refused")),
        *((404, "allocation_not_found"), (409, "allocation_not_active")),
    },
    Kind.RESERVE: _BUSY | _QUOTA | {(409, "reservation_conflict"), (422, "validation_failed")},  # began meanwhile
    Kind.CANCEL_RESERVATION: _BUSY | {(404, "reservation_not_found"), (409, "reservation_not_pending")},
    Kind.JOIN: _BUSY | _QUOTA | {(409, "already_queued"), (409, "no_available_devices")},
    Kind.CANCEL_WAIT: _BUSY | {(404, "queue_entry_not_found"), (409, "queue_entry_not_waiting")},
    Kind.LOOK_AT_WAIT: {(404, "queue_entry_not_found"), (503, "unavailable")},
}
KEPT = {
    Kind.ALLOCATE: ("allocationId", {"granted"}),
    Kind.RELEASE: ("allocationId", {"released", "expired"}),
    Kind.RENEW: ("allocationId", {"renewed"}),
    Kind.RESERVE: ("reservationId", {"booked"}),
    Kind.CANCEL_RESERVATION: ("reservationId", {"cancelled"}),
    Kind.JOIN: ("entryId", {"joined"}),
    Kind.CANCEL_WAIT: ("entryId", {"cancelled"}),
}
"""What the answer that a key keeps of a success names, and its outcomes."""
RETRYABLE = frozenset(
    {"no_available_devices", "user_busy", "request_in_progress", "quota_service_unavailable", "unavailable"}
)
_INSIDE = ("Traceback", "psycopg2", "SELECT ", "127.0.0.1")
_TOLD = (
    *("allocationId", "deviceId", "userId", "tenantId", "fencingToken", "expiresAt", "durationSeconds", "count"),
    *("newExpiresAt", "renewalCount", "id", "reservationId"),
)


def check(evidence: Evidence) -> list[Violation]:
    """Look at each answer by itself, then at those of one key."""
    found = [violation for operation in evidence.operations for violation in _of_one(operation)]
    kept = kept_answers(evidence.keys)
    for kind in (*KEPT, Kind.EXPIRE):
        for request in requests_of(evidence, kind):
            if request.first.key is not None:
                found += _of_one_key(request, kept.get((request.first.tenant, request.first.key)))
    return found


def _of_one(operation: Operation) -> Iterator[Violation]:
    if operation.status is None:
        return
    if operation.status != SUCCESS[operation.kind]:
        yield from _of_a_refusal(operation)
    told = json.dumps(_without_address(operation.answer), default=str)
    for word in _INSIDE:
        if word in told:
            yield _broken(f"tells of the inside: {word!r}", operation)


def _of_a_refusal(operation: Operation) -> Iterator[Violation]:
    code = operation.answer.get("code")
    if (operation.status, code) not in REFUSALS[operation.kind]:
        yield _broken(f"{operation.kind} was answered {operation.status} {code}, which is not promised", operation)
        return
    if operation.answer.get("retryable") is not (code in RETRYABLE):
        yield _broken(f"{code} says retryable: {operation.answer.get('retryable')}", operation)
    if operation.status == 503 and not (operation.retry_after or "").isdigit():
        yield _broken(f"{code} does not say when to come back: Retry-After is {operation.retry_after}", operation)


def _of_one_key(request: Request, kept: Mapping[str, Any] | None) -> Iterator[Violation]:
    final = [operation for operation in request.operations if _is_final(operation)]
    told = {json.dumps(_essence(operation), sort_keys=True, default=str): operation for operation in final}
    about = {"key": f"{request.first.tenant}|{request.first.key}"}
    if len(told) > 1:
        yield Violation(PROMISE, f"one key, several answers: {'; '.join(sorted(told))}", about)
    if request.success is None or kept is None or request.first.kind is Kind.EXPIRE:
        return
    name, outcomes = KEPT[request.first.kind]
    named = request.made or request.success.data.get(name, kept.get(name))
    if kept.get("outcome") not in outcomes or kept.get(name) != named:
        yield Violation(PROMISE, f"a success was told, but the key keeps {dict(kept)}", about)


def _is_final(operation: Operation) -> bool:
    """Tell whether the key must go on answering this."""
    status = operation.status
    return status is not None and status < 500 and operation.answer.get("retryable") is not True


def _essence(operation: Operation) -> dict[str, Any]:
    data = operation.data
    told = {name: data[name] for name in _TOLD if name in data}
    return {
        "status": operation.status,
        "code": operation.answer.get("code"),
        "count": operation.answer.get("count"),
        **told,
    }


def _without_address(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the device's own address, which its holder has to be told."""
    data = answer.get("data")
    if not isinstance(data, dict) or "adbHost" not in data:
        return answer
    return {**answer, "data": {name: value for name, value in data.items() if name != "adbHost"}}


def _broken(what: str, operation: Operation) -> Violation:
    return Violation(PROMISE, f"operation {operation.id}: {what}", {"operation": str(operation.id)})
