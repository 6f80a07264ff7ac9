"""Makes the OpenAPI document from the routes of all functions: `python -m tools.openapi [--check]`."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from scheduler.domain import errors
from scheduler.domain.errors import SchedulerError
from scheduler.edge.access import ROUTES, Access
from scheduler.edge.http import Api
from scheduler.edge.problems import CONTENT_TYPE, PROBLEMS
from scheduler.edge.schemas.problems import Problem
from tools.handlers import function_names, load_function
from tools.openapi_links import add_links
from tools.openapi_routes import paths_and_components

DOCUMENT = Path(__file__).parents[1] / "functions" / "console" / "openapi.json"
ALWAYS: tuple[type[SchedulerError], ...] = (errors.ValidationFailed, errors.SchedulerError, errors.Unavailable)
WITH_TOKEN = (errors.Unauthorized, errors.Forbidden, errors.RateLimited)
WITH_BODY = (errors.InvalidJson, errors.PayloadTooLarge, errors.UnsupportedContentType)
ON_POST = (errors.RequestInProgress, errors.IdempotencyKeyReused)
WITH_VARIABLE_PATH = (errors.RouteNotFound,)  # a variable part may hold what is no segment of a path
DESCRIPTION = """Lends cloud phones (remote Android devices) by the minute.

Every refusal is an RFC 9457 problem document with a stable `code`; `retryable` says whether asking again can help.
`x-access` says who may call a route: anyone; a user (any valid token); a service (scope `scheduler.service`, or an
operator); an operator (`scheduler.operator`). What belongs to somebody else is 404.
The gateway's own answers (401, 403, 429, 503) carry only `{"message"}`.

Requests are limited by the minute: every answer to a request with a token, a refusal too, says in `RateLimit-Policy`
and `RateLimit` what its windows are and how much is left."""


def document() -> dict[str, Any]:
    """Describe the routes of all functions, and add what every route has."""
    apps = [getattr(load_function(name), "app", None) for name in function_names()]
    routes = [route for app in apps if isinstance(app, Api) for route in app.routes]
    paths, schemas = paths_and_components(routes, Problem)
    for path, operations in paths.items():
        for method, operation in operations.items():
            _finish(path, method, operation)
    add_links(paths)
    schemas["GatewayMessage"] = {"type": "object", "properties": {"message": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cloud phone scheduler", "version": "1", "description": DESCRIPTION},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "headers": _HEADERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add to an operation what all of its kind have: refusals, security, the Idempotency-Key."""
    codes = operation.pop("x-refusals", [])
    refusals = [*ALWAYS, *(error for error in PROBLEMS if error.code in codes)]
    needed = ROUTES[f"{method.upper()} {path}"]
    operation["x-access"] = needed.value
    if needed is not Access.ANYONE:
        operation["security"] = _SECURITY[needed]
        refusals += WITH_TOKEN
    if "{" in path:
        refusals += WITH_VARIABLE_PATH
    if method == "get":
        operation["responses"]["304"] = {
            "description": "The answer is still the one whose `ETag` was in If-None-Match."
        }
    if "requestBody" in operation:
        refusals += WITH_BODY
    if method == "post":
        refusals += [*ON_POST, *WITH_BODY]
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    operation["responses"] |= _problem_responses(sorted(set(refusals), key=lambda error: error.code))
    if needed is not Access.ANYONE:
        _tell_limits(operation["responses"])


_SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.USER: [{"bearer": []}],
    Access.SERVICE: [{"bearer": ["scheduler.service"]}, {"bearer": ["scheduler.operator"]}],
    Access.OPERATOR: [{"bearer": ["scheduler.operator"]}],
}
"""The scopes of a token that may call: one of these."""

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body gives the same answer, and one effect, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


_LIMIT_HEADERS = {
    "RateLimit-Policy": {
        "description": "The windows that the request counts in: `q` requests in `w` seconds.",
        "schema": {"type": "string", "examples": ['"user-write";q=120;w=60']},
    },
    "RateLimit": {
        "description": "How many more fit (`r`), and in how many seconds further ones will (`t`). Neither header comes "
        "while the windows cannot be asked.",
        "schema": {"type": "string", "examples": ['"user-write";r=50;t=30']},
    },
}
_HEADERS = {
    **_LIMIT_HEADERS,
    "Retry-After": {
        "description": "Seconds after which the same request fits into its windows.",
        "schema": {"type": "integer", "minimum": 1},
    },
}


def _tell_limits(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status.startswith("2") or status == "429":
            named = _HEADERS if status == "429" else _LIMIT_HEADERS
            references = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
            response["headers"] = {**response.get("headers", {}), **references}


def _problem_responses(refusals: list[type[SchedulerError]]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for error in refusals:
        status = str(PROBLEMS[error].value)
        line = f"`{error.code}`: {(error.__doc__ or '').strip()}"
        response = responses.setdefault(status, {"description": "", "content": {}})
        response["description"] = "\n\n".join(filter(None, [response["description"], line]))
        response["content"][CONTENT_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status in ("401", "403", "429", "503"):
        response = responses.setdefault(status, {"description": "The gateway's own", "content": {}})
        response["content"]["application/json"] = {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}
    return responses


def text() -> str:
    """Give the document as it is kept in the repository."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the document, or tell whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell whether the kept document is up to date")
    arguments = parser.parse_args()
    if arguments.check:
        if DOCUMENT.read_text() != text():
            print("functions/console/openapi.json is out of date: run `make openapi`", file=sys.stderr)
            return 1
        return 0
    DOCUMENT.write_text(text())
    print(f"wrote {DOCUMENT.relative_to(DOCUMENT.parents[2])}")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DATABASE_URL", "postgresql://nowhere")
    sys.exit(main())
