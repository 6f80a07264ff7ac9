"""Every answer is one that the API promises, tells nothing of the inside, and is the same for the same key."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fault.checker.requests import Request, kept_answers, requests_of
from tests.fault.history import Evidence, Kind, Operation, Violation

PROMISE = "answers"

SUCCESS = {Kind.ALLOCATE: 201, Kind.RELEASE: 200, Kind.LIST: 200, Kind.EXPIRE: 200}
REFUSALS: Mapping[Kind, frozenset[tuple[int, str]]] = {
    Kind.ALLOCATE: frozenset(
        {
            (403, "quota_exceeded"),
            (409, "no_available_devices"),
            (409, "user_busy"),
            (409, "request_in_progress"),
            (503, "quota_service_unavailable"),
            (503, "unavailable"),
        }
    ),
    Kind.RELEASE: frozenset(
        {
            (404, "allocation_not_found"),
            (409, "allocation_not_active"),
            (409, "stale_fencing_token"),
            (409, "user_busy"),
            (409, "request_in_progress"),
            (503, "unavailable"),
        }
    ),
    Kind.LIST: frozenset({(503, "unavailable")}),
    Kind.EXPIRE: frozenset({(409, "request_in_progress"), (503, "unavailable")}),
}
RETRYABLE = frozenset(
    {"no_available_devices", "user_busy", "request_in_progress", "quota_service_unavailable", "unavailable"}
)
_INSIDE = ("Traceback", "psycopg2", "SELECT ", "127.0.0.1")
_TOLD = ("allocationId", "deviceId", "userId", "tenantId", "fencingToken", "expiresAt", "durationSeconds", "count")


def check(evidence: Evidence) -> list[Violation]:
    """Look at each answer by itself, then at those of one key."""
    found = [violation for operation in evidence.operations for violation in _of_one(operation)]
    kept = kept_answers(evidence.keys)
    for kind in (Kind.ALLOCATE, Kind.RELEASE, Kind.EXPIRE):
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
    named = request.success.data.get("allocationId", kept.get("allocationId"))
    if kept.get("outcome") not in {"granted", "released", "expired"} or kept.get("allocationId") != named:
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
