"""What a handler is called with, worked out once from its signature: no request looks at types again.

A parameter says where it comes from: `body` is the request's body; one that the path names is its variable part;
`Annotated[…, Query(…)]` is of the query string; `Annotated[…, Given(by)]` is what `by` gives, which is asked once
everything else is valid, and may take the request. A default stands for what the request leaves out.
"""

import inspect
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict, get_type_hints
from urllib.parse import parse_qs

from pydantic import Field, TypeAdapter, ValidationError

from scheduler.domain.errors import ValidationFailed
from scheduler.edge.request import Request

type Fault = dict[str, str]

BODY = "body"
"""The parameter that is the request's body, and what errors call it as a whole."""


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter that is given by a function: of the request, or of nothing."""

    by: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query string, and its bounds; without a name it is called as it is in the code."""

    alias: str | None = None
    description: str | None = None
    ge: int | None = None
    le: int | None = None
    max_length: int | None = None

    def to_field(self) -> Any:
        """Give it as pydantic spells it."""
        return Field(alias=self.alias, ge=self.ge, le=self.le, max_length=self.max_length)


class Call:
    """How the arguments of one handler are made."""

    def __init__(self, handler: Callable[..., Any], variables: Set[str]) -> None:
        """Read the handler's signature; `variables` are the variable parts of its path.

        Raises:
            TypeError: A parameter does not say where it comes from.
        """
        hints = get_type_hints(handler, include_extras=True)
        optional = {name for name, p in inspect.signature(handler).parameters.items() if p.default is not p.empty}
        self._given: list[tuple[str, Callable[..., Any], bool]] = []
        self._body: TypeAdapter[Any] | None = None
        self._needs_body = BODY not in optional
        fields: dict[str, Any] = {}
        for name, hint in hints.items():
            match source_of(name, hint, variables):
                case Given(by=by):
                    self._given.append((name, by, bool(inspect.signature(by).parameters)))
                case Query() as query:
                    field: Any = Annotated[hint, query.to_field()]
                    fields[name] = NotRequired[field] if name in optional else field
                case "path":
                    fields[name] = hint
                case "body":
                    self._body = TypeAdapter(hint)
        # One validator for all of them; what is not theirs in a query is no concern of ours.
        self._values = TypeAdapter(TypedDict("Values", fields)) if fields else None  # type: ignore[operator]

    def arguments(self, request: Request) -> dict[str, Any]:
        """Give what the handler is called with.

        Raises:
            ValidationFailed: Parameters or body are not as declared; all that is wrong is told.
            InvalidJson: The body is no JSON.
            SchedulerError: Who gives a parameter refuses.
        """
        arguments, faults = _valid(self._values, {**_query(request), **request.in_path}) if self._values else ({}, [])
        if self._body is not None:
            faults += self._read_body(request.body, arguments)
        if faults:
            raise ValidationFailed(members={"errors": faults})
        for name, by, takes_request in self._given:
            arguments[name] = by(request) if takes_request else by()
        return arguments

    def _read_body(self, body: Mapping[str, Any] | None, arguments: dict[str, Any]) -> list[Fault]:
        if body is None:
            return [{"field": BODY, "detail": "Field required"}] if self._needs_body else []
        arguments[BODY], faults = _valid(self._body, body)
        return faults


def source_of(name: str, hint: Any, variables: Set[str]) -> Given | Query | str:
    """Tell where a parameter comes from; `return`, which is no parameter, comes from nowhere.

    Raises:
        TypeError: It does not say.
    """
    if name == "return":
        return ""
    if name in variables:
        return "path"
    if name == BODY:
        return "body"
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Given | Query):
            return mark
    raise TypeError(f"{name} does not say where it comes from")


def _valid(kind: Any, value: Mapping[str, Any]) -> tuple[Any, list[Fault]]:
    try:
        # Of attributes JSON has none; but so errors speak of an object, not of a class of ours.
        return kind.validate_python(value, from_attributes=True), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return {}, [{"field": _place(each["loc"]), "detail": _detail(each["msg"])} for each in found]


def _place(where: tuple[int | str, ...]) -> str:
    # Bracketed parts are tags of our unions, which the caller does not know.
    return ".".join(part for part in map(str, where) if not part.startswith("(")) or BODY


def _detail(message: str) -> str:
    return message.removeprefix("Value error, ")


def _query(request: Request) -> Mapping[str, Any]:
    """Give the query with lists for parameters that came twice, which no parameter of ours may."""
    if not any("," in value for value in request.query.values()):
        return request.query
    given = parse_qs(request.event.get("rawQueryString") or "", keep_blank_values=True)
    return {name: given[name] if len(given.get(name, ())) > 1 else value for name, value in request.query.items()}
