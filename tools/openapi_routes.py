"""A function's routes as Powertools' resolver sees them: it writes the OpenAPI document, and answers no request."""

import inspect
import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any, get_type_hints

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler import Response as ShownResponse
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.openapi.params import Query as ShownQuery

from scheduler.edge.answers import Response
from scheduler.edge.call import Given, Query, source_of
from scheduler.edge.http import Api
from scheduler.edge.routes import Route


def document_of(app: Api, title: str) -> dict[str, Any]:
    """Give the OpenAPI document of one function's routes."""
    resolver = APIGatewayHttpResolver(
        enable_validation=True, response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR
    )
    # Routes with variable parts come last, as they are found.
    for route in sorted(app.routes, key=lambda route: bool(route.variables)):
        path = route.path.replace("{", "<").replace("}", ">")
        resolver.route(path, route.method, **_described(route))(_shown(route))
    shown: dict[str, Any] = json.loads(resolver.get_openapi_json_schema(title=title, version="1"))
    return shown


def _described(route: Route) -> dict[str, Any]:
    return {**route.described, "tags": list(route.described.get("tags", ()))}


def _shown(route: Route) -> Callable[..., Any]:
    """Give the handler with a signature in Powertools' words; what callers do not send is left out."""
    handler = route.handler
    hints = get_type_hints(handler, include_extras=True)
    parameters = [
        parameter.replace(annotation=annotation)
        for name, parameter in inspect.signature(handler).parameters.items()
        if (annotation := _annotation(name, hints[name], route)) is not None
    ]

    @wraps(handler)
    def shown() -> None:
        raise NotImplementedError("only its signature counts")

    shown.__signature__ = inspect.Signature(parameters, return_annotation=_answer(hints["return"]))  # type: ignore[attr-defined]
    return shown


def _annotation(name: str, hint: Any, route: Route) -> Any:
    match source_of(name, hint, route.variables):
        case Given():
            return None
        case Query(alias=alias, description=description, ge=ge, le=le, max_length=length):
            mark = ShownQuery(alias=alias, description=description, ge=ge, le=le, max_length=length)
            kept = [known for known in hint.__metadata__ if not isinstance(known, Query)]
            return Annotated[hint.__origin__, *kept, mark]
        case "path":
            return Annotated[hint, Path()]
    return Annotated[hint, Body()]


def _answer(hint: Any) -> Any:
    assert hint.__origin__ is Response
    return ShownResponse[hint.__args__]
