"""Routes: which handler answers which method and path.

A path names its variable parts in braces: `/scheduler/queue/{entryId}`. Each matches one segment, as it came: API
Gateway decodes nothing, and neither do we. A path without variable parts goes before one that has some.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypedDict, Unpack

from scheduler.domain.errors import RouteNotFound
from scheduler.edge.answers import Response
from scheduler.edge.call import Call
from scheduler.edge.request import Request

type Handler = Callable[..., Response[Any]]

_SEGMENT = r"[-._~()'!*:@,;=+&$%<> \[\]{}|^\w]+"
"""What stands for a variable part: the characters of RFC 3986 for a segment, and what callers send unescaped."""


class Described(TypedDict, total=False):
    """What the OpenAPI document says of a route; no request reads it."""

    summary: str
    tags: Sequence[str]
    status_code: int
    responses: Mapping[int, Mapping[str, Any]]
    openapi_extensions: Mapping[str, Any]
    include_in_schema: bool


class Route:
    """One method and path, and the handler that answers them."""

    def __init__(self, method: str, path: str, handler: Handler, described: Described) -> None:
        """Remember them; what the handler is called with is worked out at the first request."""
        self.method, self.path, self.handler, self.described = method, path, handler, described
        self.name = f"{method} {path}"
        self.segments = path.split("/")
        self.variables = frozenset(part[1:-1] for part in self.segments if part.startswith("{"))

    @cached_property
    def _call(self) -> Call:
        return Call(self.handler, self.variables)

    def answer(self, request: Request) -> Response[Any]:
        """Call the handler with what it asks for.

        Raises:
            SchedulerError: A parameter is wrong, or the handler refuses.
        """
        return self.handler(**self._call.arguments(request))

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Give what the segments of a path, as many as the route has, say for its variable parts; None: no match."""
        found = {}
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                if not re.fullmatch(_SEGMENT, given):
                    return None
                found[own[1:-1]] = given
            elif own != given:
                return None
        return found


class Routes:
    """Collects routes: `@routes.get("/scheduler/queue")` over a handler adds one."""

    def __init__(self) -> None:
        """Begin without any."""
        self.routes: list[Route] = []
        self._exact: dict[str, Route] = {}
        self._patterns: dict[tuple[str, int], list[Route]] = {}

    def include(self, others: "Routes") -> None:
        """Take over the routes of another file."""
        for route in others.routes:
            self._add(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Give the route of a request, and its variable parts.

        Raises:
            RouteNotFound: There is none.
        """
        if exact := self._exact.get(f"{method} {path}"):
            return exact, {}
        segments = path.split("/")
        for route in self._patterns.get((method, len(segments)), ()):
            if (found := route.match(segments)) is not None:
                return route, found
        raise RouteNotFound

    def get[H: Handler](self, path: str, **described: Unpack[Described]) -> Callable[[H], H]:
        """Answer GET by the decorated handler."""
        return self._answered_by("GET", path, described)

    def post[H: Handler](self, path: str, **described: Unpack[Described]) -> Callable[[H], H]:
        """Answer POST by the decorated handler."""
        return self._answered_by("POST", path, described)

    def put[H: Handler](self, path: str, **described: Unpack[Described]) -> Callable[[H], H]:
        """Answer PUT by the decorated handler."""
        return self._answered_by("PUT", path, described)

    def patch[H: Handler](self, path: str, **described: Unpack[Described]) -> Callable[[H], H]:
        """Answer PATCH by the decorated handler."""
        return self._answered_by("PATCH", path, described)

    def delete[H: Handler](self, path: str, **described: Unpack[Described]) -> Callable[[H], H]:
        """Answer DELETE by the decorated handler."""
        return self._answered_by("DELETE", path, described)

    def _answered_by[H: Handler](self, method: str, path: str, described: Described) -> Callable[[H], H]:
        def register(handler: H) -> H:
            self._add(Route(method, path, handler, described))
            return handler

        return register

    def _add(self, route: Route) -> None:
        self.routes.append(route)
        if route.variables:
            self._patterns.setdefault((route.method, len(route.segments)), []).append(route)
        else:
            self._exact[route.name] = route
