"""What every HTTP function shares: who may call, how failures are told, idempotency keys."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.acting import Acting, act_for
from scheduler.domain.errors import (
    BillingServiceUnavailable,
    InsufficientBalance,
    RateLimited,
    SchedulerError,
    Unauthorized,
    ValidationFailed,
)
from scheduler.domain.model import RequestKey, Role
from scheduler.edge import limits
from scheduler.edge.access import Access, admit, needed_for
from scheduler.edge.answers import Response, proxy_answer
from scheduler.edge.body import body_text, canonical
from scheduler.edge.cursors import bind_cursors
from scheduler.edge.etags import unless_known
from scheduler.edge.identity import Caller, caller_of
from scheduler.edge.problems import problem_answer
from scheduler.edge.request import Request, claims_of, method_of, path_of
from scheduler.edge.routes import Routes
from scheduler.edge.smoke import answering_smoke
from scheduler.edge.telemetry import correlation_id, invocation
from scheduler.patience import one_patience
from scheduler.settings import settings
from scheduler.turns import one_turn

logger = logging.getLogger(__name__)

MAX_KEY_LENGTH = 255
UNPAID = (InsufficientBalance, BillingServiceUnavailable)
"""The refusals of routes that ask for a balance."""

type HttpHandler = Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]


class Api(Routes):
    """The routes of a function, guarded: who may not call learns no more than that."""

    def answer(self, event: Mapping[str, Any]) -> Response[Any]:
        """Answer a request: find its route, ask the table of access, count it, and only then read what it says.

        Raises:
            SchedulerError: The request is refused.
        """
        text = body_text(event)
        method, path = method_of(event), path_of(event)
        route, in_path = self.find(method, path)
        needed = needed_for(route.name)
        who = None if needed is Access.ANYONE else _admitted(event, method, route.name, needed)
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        query = event.get("queryStringParameters") or {}
        request = Request(method, path, route.name, headers, query, in_path, text, who, event)
        if who is not None:
            limits.count(request, who)
            bind_cursors(route.name, query, who)
        return route.answer(request)


def lambda_entry(app: Api) -> HttpHandler:
    """Make the Lambda handler of an API: tells every failure as a problem document, flushes metrics."""

    def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        with invocation(event, context) as log, one_turn(), one_patience():
            try:
                answer = _answer_or_refusal(app, event)
            except Exception:
                log.exception("failed")
                answer = problem_answer(SchedulerError(), path_of(event))
            answer["headers"].update(limits.limit_headers())
            return answer

    return answering_smoke(handler)


def caller(request: Request) -> Caller:
    """Say who calls.

    Raises:
        Unauthorized: The route asks for nobody.
    """
    if request.who is None:
        raise Unauthorized
    return request.who


def request_key(request: Request) -> RequestKey | None:
    """Read the Idempotency-Key header, if any, with whom and what it belongs to: what the path names counts as body.

    Raises:
        ValidationFailed: It is empty, longer than 255 characters, or not printable ASCII.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise ValidationFailed(
            members={"errors": [{"field": "Idempotency-Key", "detail": "1 to 255 printable ASCII characters"}]}
        )
    who = caller(request)
    return RequestKey(
        tenant_id=who.tenant_id,
        caller=f"{who.role}:{who.subject}",
        route=request.route,
        key=key,
        body_hash=hashlib.sha256(f"{request.path} {canonical(request.body)}".encode()).hexdigest(),
    )


def refusals(*errors: type[SchedulerError]) -> dict[str, list[str]]:
    """Declare, for the OpenAPI document, the refusals of a route beyond those that every route has."""
    return {"x-refusals": [error.code for error in errors]}


def _answer_or_refusal(app: Api, event: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = unless_known(event, proxy_answer(app.answer(event)))
    except SchedulerError as error:
        return problem_answer(limits.count_refused(error), path_of(event))
    with suppress(RateLimited):  # it has its answer
        limits.count_answered()
    return answer


def _admitted(event: Mapping[str, Any], method: str, route: str, needed: Access) -> Caller:
    """Say who calls and may, from the verified claims; tell the database too, and log an operator's act.

    Raises:
        Unauthorized: The request came without claims.
        Forbidden: The caller may not call this route.
    """
    claims = claims_of(event)
    if not claims:
        raise Unauthorized
    told_by = settings().claims
    who = caller_of(claims, told_by.tenant, told_by.operator_group)
    admit(who.role, needed)
    if who.role is not Role.OPERATOR:
        act_for(Acting(tenant_id=who.tenant_id))
        return who
    act_for(Acting(operator=who.subject, route=route, correlation_id=correlation_id(event) or ""))
    if method != "GET":
        logger.info("operator acted", extra={"operator": who.subject, "route": route})
    return who
