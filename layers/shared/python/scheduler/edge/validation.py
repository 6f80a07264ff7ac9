"""Values of a request, held to the types that handlers declare; all that is wrong is told, by its place."""

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct, ValidationError

from scheduler.domain.errors import ValidationFailed

type Fault = dict[str, str]

BODY = "body"
"""What errors call the body as a whole."""
MISSING, _UNKNOWN = "Field required", "There is no such field"
_UNIONS = (Union, UnionType)
_PLACE = re.compile(r" - at `(?:key in )?\$(.*)`$")


def valid(kind: Any, value: Any, *, text: bool = False) -> tuple[Any, list[Fault]]:
    """Give a value as its type, or all that is wrong with it; `text`: numbers come as texts, as in a query."""
    try:
        return msgspec.convert(value, kind, strict=not text, dec_hook=_read), []
    except ValidationError:
        # The validator stops at the first: look again, at each member by itself.
        return None, list(_faults(kind, value, (), text))


def wrong(field: str, detail: str) -> ValidationFailed:
    """Give the refusal of one field."""
    return ValidationFailed(members={"errors": [_at((field,), detail)]})


def _read(kind: Any, value: object) -> Any:
    """Read a type of ours."""
    return kind.read(value)


def _faults(kind: Any, value: Any, place: tuple[str, ...], text: bool) -> Iterator[Fault]:
    try:
        msgspec.convert(value, kind, strict=not text, dec_hook=_read)
    except ValidationError as error:
        yield from [*_faults_within(kind, value, place, text)] or [_fault(error, place)]


def _faults_within(kind: Any, value: Any, place: tuple[str, ...], text: bool) -> Iterator[Fault]:
    """Tell what is wrong with the parts of an object or array, as far as its type says what they are."""
    for part in _parts(kind):
        if isinstance(value, Mapping) and isinstance(part, type) and issubclass(part, Struct):
            yield from _faults_of_members(part, value, place, text)
        if isinstance(value, list) and get_origin(part) is list:
            for index, each in enumerate(value):
                yield from _faults(get_args(part)[0], each, (*place, str(index)), text)


def _faults_of_members(
    kind: type[Struct], value: Mapping[str, Any], place: tuple[str, ...], text: bool
) -> Iterator[Fault]:
    members = {member.encode_name: member for member in msgspec.structs.fields(kind)}
    for name, member in members.items():
        if name in value:
            yield from _faults(member.type, value[name], (*place, name), text)
        elif member.required:
            yield _at((*place, name), MISSING)
    if kind.__struct_config__.forbid_unknown_fields:
        yield from (_at((*place, str(name)), _UNKNOWN) for name in value if name not in members)


def _parts(kind: Any) -> list[Any]:
    """Give the types that a type stands for: those of a union, without what annotates them."""
    if hasattr(kind, "__metadata__"):
        return _parts(kind.__origin__)
    if get_origin(kind) in _UNIONS:
        return [part for each in get_args(kind) for part in _parts(each)]
    return [kind]


def _fault(error: ValidationError, place: tuple[str, ...]) -> Fault:
    detail = str(error)
    if found := _PLACE.search(detail):
        place = (*place, *re.findall(r"[^.\[\]]+", found[1]))
        detail = detail[: found.start()]
    return _at(place, detail.replace("`", ""))


def _at(place: tuple[str, ...], detail: str) -> Fault:
    return {"field": ".".join(place) or BODY, "detail": detail}
