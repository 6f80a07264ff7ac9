"""What every HTTP function shares: the resolver, the envelope, problems, identity, idempotency keys."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route
from aws_lambda_powertools.event_handler.depends import DependencyResolutionError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from scheduler.acting import Acting, act_for
from scheduler.domain.errors import (
    BillingServiceUnavailable,
    InsufficientBalance,
    RateLimited,
    RouteNotFound,
    SchedulerError,
    Unauthorized,
    ValidationFailed,
)
from scheduler.domain.model import RequestKey, Role
from scheduler.edge import limits
from scheduler.edge.access import Access, admit, needed_for
from scheduler.edge.body import canonical, parse_json, plain_body, write_json
from scheduler.edge.cursors import bind_cursors
from scheduler.edge.identity import Caller, caller_of
from scheduler.edge.problems import (
    CONTENT_TYPE,
    problem_answer,
    problem_document,
    problem_headers,
    status_of,
)
from scheduler.edge.smoke import answering_smoke
from scheduler.edge.telemetry import correlation_id, invocation
from scheduler.settings import settings
from scheduler.turns import one_turn

logger = logging.getLogger(__name__)

MAX_KEY_LENGTH = 255
UNPAID = (InsufficientBalance, BillingServiceUnavailable)
"""The refusals of routes that ask for a balance."""

_CALLER = "caller"

type HttpHandler = Callable[[dict[str, Any], LambdaContext], Mapping[str, Any]]


class Envelope[Data](BaseModel):
    """A success."""

    success: bool = True
    data: Data
    message: str = ""


class Meta(BaseModel):
    """Where a list goes on: give `nextCursor` as `cursor` to get the next page; null: that was the last."""

    limit: int
    nextCursor: str | None  # noqa: N815  wire name


class Page[Data](BaseModel):
    """One page of a list."""

    success: bool = True
    data: list[Data]
    meta: Meta
    message: str = ""


class CountedPage[Data](Page[Data]):
    """One page of a list whose length is known."""

    total: int


class GuardedApi(APIGatewayHttpResolver):
    """A resolver that asks the table of access before it reads a request: who may not call learns no more than that."""

    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        """Find out who calls and whether she may, then go on; a refusal passes by the routes' error handlers."""
        named = route_of(self.request)
        needed = needed_for(named)
        if needed is not Access.ANYONE:
            self.context[_CALLER] = who = _admitted(self.request, named, needed)
            limits.count(self.request, named, who)
            bind_cursors(named, self.request.query_parameters or {}, who)
        return super()._call_route(route, route_arguments)


def create_api() -> GuardedApi:
    """Make a resolver that guards, validates, and answers every error as a problem document."""
    app = GuardedApi(
        enable_validation=True,
        response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
        json_body_deserializer=parse_json,
        serializer=write_json,
    )

    def problem(error: SchedulerError) -> Response[Any]:
        error = limits.count_refused(error)
        return Response(
            status_code=status_of(type(error)).value,
            content_type=CONTENT_TYPE,
            headers=dict(problem_headers(error)),
            body=write_json(problem_document(error, app.current_event.path)),
        )

    app.exception_handler(SchedulerError)(problem)
    app.exception_handler(DependencyResolutionError)(lambda error: problem(_cause(error)))
    app.exception_handler(RequestValidationError)(lambda error: problem(_validation_failed(error)))
    app.not_found(lambda _: problem(RouteNotFound()))
    return app


def lambda_entry(app: APIGatewayHttpResolver) -> HttpHandler:
    """Make the Lambda handler of an API: bounds the body, tells every failure, flushes metrics."""

    def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        with invocation(event, context) as log, one_turn():
            path = str(event.get("rawPath", ""))
            try:
                answer: Mapping[str, Any] = app.resolve({**event, **plain_body(event)}, context)
                with suppress(RateLimited):  # it has its answer
                    limits.count_answered()
            except SchedulerError as error:
                answer = problem_answer(error, path)
            except Exception:
                log.exception("failed")
                answer = problem_answer(SchedulerError(), path)
            return {**answer, "headers": {**answer.get("headers", {}), **limits.limit_headers()}}

    return answering_smoke(handler)


def ok[Body: BaseModel](body: Body) -> Response[Body]:
    """Answer 200."""
    return _answer(HTTPStatus.OK, body)


def created[Body: BaseModel](body: Body) -> Response[Body]:
    """Answer 201."""
    return _answer(HTTPStatus.CREATED, body)


def accepted[Body: BaseModel](body: Body) -> Response[Body]:
    """Answer 202."""
    return _answer(HTTPStatus.ACCEPTED, body)


def caller(request: Request) -> Caller:
    """Say who calls, as the resolver has found."""
    who: Caller = request.context[_CALLER]
    return who


def request_key(request: Request) -> RequestKey | None:
    """Read the Idempotency-Key header, if any, with whom and what it belongs to: what the path names counts as body.

    Raises:
        ValidationFailed: It is empty, longer than 255 characters, or not printable ASCII.
    """
    key = request.resolved_event.headers.get("idempotency-key")
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
        route=route_of(request),
        key=key,
        body_hash=hashlib.sha256(f"{request.resolved_event.path} {canonical(request.body)}".encode()).hexdigest(),
    )


def route_of(request: Request) -> str:
    """Name the route that serves a request: its method and path pattern."""
    return f"{request.method} {request.route}"


def refusals(*errors: type[SchedulerError]) -> dict[str, list[str]]:
    """Declare, for the OpenAPI document, the refusals of a route beyond those that every route has."""
    return {"x-refusals": [error.code for error in errors]}


def _admitted(request: Request, route: str, needed: Access) -> Caller:
    """Say who calls and may, from the verified claims; tell the database too, and log an operator's act.

    Raises:
        Unauthorized: The request came without claims.
        Forbidden: The caller may not call this route.
    """
    event = request.resolved_event.raw_event
    claims = (((event.get("requestContext") or {}).get("authorizer") or {}).get("jwt") or {}).get("claims")
    if not claims:
        raise Unauthorized
    who = caller_of(claims, settings().tenant_claim)
    admit(who.role, needed)
    if who.role is not Role.OPERATOR:
        act_for(Acting(tenant_id=who.tenant_id))
        return who
    act_for(Acting(operator=who.subject, route=route, correlation_id=correlation_id(event) or ""))
    if request.method != "GET":
        logger.info("operator acted", extra={"operator": who.subject, "route": route})
    return who


def _answer[Body: BaseModel](status: HTTPStatus, body: Body) -> Response[Body]:
    return Response(status_code=status.value, content_type="application/json", body=body)


def _cause(error: DependencyResolutionError) -> SchedulerError:
    """Give the refusal that a dependency raised; anything else is a fault of ours."""
    if isinstance(error.__cause__, SchedulerError):
        return error.__cause__
    raise error


def _validation_failed(error: RequestValidationError) -> ValidationFailed:
    fields = []
    for found in error.errors():
        # Bracketed parts are tags of our unions, which the caller does not know.
        where = [str(part) for part in found.get("loc", ()) if not str(part).startswith("(")]
        detail = str(found.get("msg", "")).removeprefix("Value error, ")
        fields.append({"field": ".".join(where[1:] or where), "detail": detail})
    return ValidationFailed(members={"errors": fields})
