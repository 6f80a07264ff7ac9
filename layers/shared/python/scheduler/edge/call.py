"""What a handler is called with, worked out once from its signature: no request looks at types again.

A parameter says where it comes from: `body` is the request's body; one that the path names is its variable part;
`Annotated[…, Query(…)]` is of the query string; `Annotated[…, Given(by)]` is what `by` gives, which is asked once
everything else is valid, and may take the request. A default stands for what the request leaves out.
"""

import inspect
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any, get_type_hints
from urllib.parse import parse_qs

from msgspec import defstruct, field

from scheduler.domain.errors import ValidationFailed
from scheduler.edge.request import Request
from scheduler.edge.validation import BODY, MISSING, Fault, valid


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter that is given by a function: of the request, or of nothing."""

    by: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query string; without a name it is called as it is in the code."""

    alias: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A body of one of two types: `by` tells which, so that errors speak of the right one."""

    by: Callable[[Any], type]


class Call:
    """How the arguments of one handler are made."""

    def __init__(self, handler: Callable[..., Any], variables: Set[str]) -> None:
        """Read the handler's signature; `variables` are the variable parts of its path.

        Raises:
            TypeError: A parameter does not say where it comes from.
        """
        hints = get_type_hints(handler, include_extras=True)
        defaults = {name: parameter.default for name, parameter in inspect.signature(handler).parameters.items()}
        self._given: list[tuple[str, Callable[..., Any], bool]] = []
        self._body: Any = None
        self._one_of: OneOf | None = None
        self._needs_body = defaults.get(BODY) is inspect.Parameter.empty
        members: list[tuple[str, Any, Any]] = []
        for name, hint in hints.items():
            match source_of(name, hint, variables):
                case Given(by=by):
                    self._given.append((name, by, bool(inspect.signature(by).parameters)))
                case Query() as query:
                    members.append((name, hint, _member(query.alias or name, defaults[name])))
                case "path":
                    members.append((name, hint, field()))
                case "body":
                    self._body, self._one_of = hint, mark_of(hint, OneOf)
        # One validator for all of them; what is not theirs in a query is no concern of ours.
        self._names = [name for name, _, _ in members]
        self._values = defstruct("Values", members, kw_only=True) if members else None

    def arguments(self, request: Request) -> dict[str, Any]:
        """Give what the handler is called with.

        Raises:
            ValidationFailed: Parameters or body are not as declared; all that is wrong is told.
            InvalidJson: The body is no JSON.
            SchedulerError: Who gives a parameter refuses.
        """
        arguments, faults = self._read_values(request)
        if self._body is not None:
            faults += self._read_body(request.body, arguments)
        if faults:
            raise ValidationFailed(members={"errors": faults})
        for name, by, takes_request in self._given:
            arguments[name] = by(request) if takes_request else by()
        return arguments

    def _read_values(self, request: Request) -> tuple[dict[str, Any], list[Fault]]:
        if self._values is None:
            return {}, []
        values, faults = valid(self._values, {**_query(request), **request.in_path}, text=True)
        return ({} if faults else {name: getattr(values, name) for name in self._names}), faults

    def _read_body(self, body: Mapping[str, Any] | None, arguments: dict[str, Any]) -> list[Fault]:
        if body is None:
            return [{"field": BODY, "detail": MISSING}] if self._needs_body else []
        arguments[BODY], faults = valid(self._one_of.by(body) if self._one_of else self._body, body)
        return faults


def _member(name: str, default: Any) -> Any:
    return field(name=name) if default is inspect.Parameter.empty else field(name=name, default=default)


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
    if (mark := mark_of(hint, Given) or mark_of(hint, Query)) is not None:
        return mark
    raise TypeError(f"{name} does not say where it comes from")


def mark_of[Mark](hint: Any, kind: type[Mark]) -> Mark | None:
    """Give the mark of a kind that a type is annotated with; None: there is none."""
    return next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, kind)), None)


def _query(request: Request) -> Mapping[str, Any]:
    """Give the query with lists for parameters that came twice, which no parameter of ours may."""
    if not any("," in value for value in request.query.values()):
        return request.query
    given = parse_qs(request.event.get("rawQueryString") or "", keep_blank_values=True)
    return {name: given[name] if len(given.get(name, ())) > 1 else value for name, value in request.query.items()}
