"""A request as the edge reads it, once, from the event of API Gateway (payload version 2.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scheduler.edge.body import parse_json
from scheduler.edge.identity import Caller


@dataclass(frozen=True)
class Request:
    """One request to a route. Names of headers are lower-case; a parameter given twice is joined by commas."""

    method: str
    path: str
    route: str
    """Method and path pattern, as the table of access names it."""
    headers: Mapping[str, str]
    query: Mapping[str, str]
    in_path: Mapping[str, str]
    text: str
    """The body; empty: there is none."""
    who: Caller | None
    """Who calls; None: the route does not ask."""
    event: Mapping[str, Any]

    @cached_property
    def body(self) -> dict[str, Any] | None:
        """The body's JSON object, read once; None: there is none.

        Raises:
            InvalidJson, ValidationFailed: It is no JSON, or no object.
        """
        return parse_json(self.text) if self.text else None


def method_of(event: Mapping[str, Any]) -> str:
    """Give the method of a request."""
    method: str = event["requestContext"]["http"]["method"]
    return method.upper()


def path_of(event: Mapping[str, Any]) -> str:
    """Give the path of a request, without the stage that API Gateway puts before it."""
    path = str(event.get("rawPath", ""))
    stage = (event.get("requestContext") or {}).get("stage", "$default")
    return path if stage == "$default" else path[len(f"/{stage}") :]


def claims_of(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the claims of the token that API Gateway has verified; None: there was no token."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    return (authorizer.get("jwt") or {}).get("claims") or None
