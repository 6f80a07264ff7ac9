"""Which window a request counts in, whose it is, and what its headers tell (draft-ietf-httpapi-ratelimit-headers)."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from scheduler.domain.errors import RateLimited, SchedulerError
from scheduler.domain.model import Role
from scheduler.edge.identity import MAX_ID_LENGTH, Caller
from scheduler.edge.request import Request
from scheduler.service.decisions import log_refused
from scheduler.turns import Pace, Turn, begin_turn, current_turn, open_turn

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60

BY_METHOD = {"GET": Pace.QUERY, "POST": Pace.WRITE, "PUT": Pace.WRITE, "PATCH": Pace.WRITE, "DELETE": Pace.WRITE}
OTHERWISE = {
    "POST /scheduler/allocations/batch": Pace.BATCH,
    "POST /scheduler/allocations/batch/release": Pace.BATCH,
    "POST /scheduler/allocations/batch/renew": Pace.BATCH,
    "POST /scheduler/allocations/batch/query": Pace.BATCH,
    "POST /scheduler/reservations/check-conflict": Pace.QUERY,
}
"""What its method does not tell of a route. Free are the routes that ask for no token."""
IN_LINE = frozenset({
    "POST /scheduler/devices/allocate",
    "POST /scheduler/devices/release",
    "POST /scheduler/allocations/{allocationId}/renew",
    "POST /scheduler/reservations",
    "PATCH /scheduler/reservations/{reservationId}",
})  # fmt: skip
"""Their requests stand in their user's or device's line: who admits them to it counts them as well."""


class Limiter(Protocol):
    """Where turns are taken."""

    def take(self, turn: Turn) -> None:
        """Count a request.

        Raises:
            RateLimited: A window is full.
        """


_limiter: Callable[[], Limiter | None] = lambda: None  # noqa: E731


def count_with(limiter: Callable[[], Limiter | None]) -> None:
    """Have requests counted, from now on; None: nobody counts."""
    global _limiter  # noqa: PLW0603
    _limiter = limiter


def count(request: Request, who: Caller) -> None:
    """Begin the turn of a request by its route, and take it unless that is done in line.

    Raises:
        RateLimited: A window is full.
    """
    limiter = _limiter()
    if limiter is None:
        return
    turn = _turn_of(request, who)
    begin_turn(turn)
    if request.route not in IN_LINE:
        _take(limiter, turn)


def count_refused(refusal: SchedulerError) -> SchedulerError:
    """Count a request that was refused before it came to its line, and give what it is told: nonsense counts, too."""
    try:
        count_answered()
    except RateLimited as too_often:
        return too_often
    return refusal


def count_answered() -> None:
    """Count what never came to its line, as an answer that was kept under an Idempotency-Key.

    Raises:
        RateLimited: A window is full.
    """
    turn = open_turn()
    if turn is not None and (limiter := _limiter()) is not None:
        _take(limiter, turn)


def limit_headers() -> dict[str, str]:
    """Give the headers of the answer: none when the request was not limited, or nobody could tell."""
    turn = current_turn()
    if turn is None or not turn.verdicts:
        return {}
    policies = [f'"{told.window}";q={told.limit};w={WINDOW_SECONDS}' for told in turn.verdicts]
    left = [f'"{told.window}";r={told.left};t={told.seconds}' for told in turn.verdicts]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}


def pace_of(route: str) -> Pace:
    """Tell the window of a route, given as its method and path."""
    return OTHERWISE.get(route) or BY_METHOD[route.partition(" ")[0]]


def _take(limiter: Limiter, turn: Turn) -> None:
    try:
        limiter.take(turn)
    except RateLimited as refusal:
        log_refused(logger, refusal, userId=turn.user_id, tenantId=turn.tenant_id)
        raise


def _turn_of(request: Request, who: Caller) -> Turn:
    pace = pace_of(request.route)
    body = _body(request)
    tenant, user, weight = who.tenant_id, who.subject, 1
    if who.role is not Role.USER:
        user = _name(body.get("userId", request.query.get("userId"))) or user
    if who.role is Role.OPERATOR:
        tenant = _name(body.get("tenantId", request.query.get("tenantId"))) or tenant
    if pace is Pace.BATCH:
        weight = max([len(part) for part in body.values() if isinstance(part, list)], default=1)
    return Turn(pace, tenant, user, who.role is Role.SERVICE, weight)


def _body(request: Request) -> Mapping[str, Any]:
    try:
        return request.body or {}
    except SchedulerError:  # what is no JSON
        return {}


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH and value.isprintable() else None
