"""Types of wire fields, so that a bound stands in one place."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct

from scheduler.discretion import discreet
from scheduler.domain.errors import PayloadTooLarge

MAX_METADATA_BYTES = 4 * 1024
MAX_NESTING = 50
"""The writers of JSON stop at some depth of their own; nothing may be stored that could not be shown."""
MAX_INT = 2_147_483_647
_COMPONENT = "#/components/schemas/"
STORABLE = r"^[^\x00\ud800-\udfff]*$"
"""Neither NUL nor halves of surrogate pairs."""


def nesting(value: object) -> int:
    """Tell how deep arrays and objects are nested in a JSON value."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else None
        if inner is not None:
            deepest = max(deepest, depth)
            waiting.extend((child, depth + 1) for child in inner)
    return deepest


class Wire(Struct):
    """An object on the wire, its members by their names there."""

    EXAMPLES: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """What the OpenAPI document shows of it."""


class WireModel(Wire, forbid_unknown_fields=True):
    """What a request says: nothing unknown, nothing of another type."""


class View(Wire):
    """What an answer tells."""


def either(*kinds: type[View]) -> Any:
    """Give a type that stands for any of these in an answer: the library's unions hold one kind of object only."""
    return Annotated[Any, Meta(extra_json_schema={"anyOf": [{"$ref": _COMPONENT + kind.__name__} for kind in kinds]})]


class Metadata(dict[str, Any]):
    """Any JSON object of up to 4 KB that can be stored and shown."""

    SCHEMA: ClassVar[Mapping[str, Any]] = {"type": "object", "additionalProperties": True}

    @classmethod
    def read(cls, value: object) -> Self:
        """Take what a request says.

        Raises:
            ValueError: It cannot be stored.
            PayloadTooLarge: It is larger than 4 KB.
        """
        if not isinstance(value, dict):
            raise ValueError("not an object")
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            size = len(text.encode())
        except (ValueError, RecursionError) as error:  # lone surrogates, numbers that JSON has not
            raise ValueError("not storable as JSON") from error
        if size > MAX_METADATA_BYTES:
            raise PayloadTooLarge("The metadata is larger than 4 KB")
        if nesting(value) > MAX_NESTING:
            raise ValueError(f"nested more than {MAX_NESTING} deep")
        if "\\u0000" in text:
            raise ValueError("NUL characters cannot be stored")
        return cls(value)


class Time(datetime):
    """An instant, sent with any offset, kept in UTC."""

    SCHEMA: ClassVar[Mapping[str, Any]] = {"type": "string", "format": "date-time"}
    _RFC_3339: ClassVar = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

    @classmethod
    def read(cls, value: object) -> Self:
        """Take what a request says.

        Raises:
            ValueError: It is no RFC 3339 time, or outside the calendar.
        """
        if not isinstance(value, str) or not cls._RFC_3339.fullmatch(value):
            raise ValueError("not an RFC 3339 time")
        try:
            return cls.fromisoformat(value.upper()).astimezone(UTC)
        except OverflowError as error:
            raise ValueError("outside the calendar") from error


class Reason(str):
    """Free words that are kept, told to holders and logged: less what is nobody's business."""

    LONGEST = 500
    SCHEMA: ClassVar[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": STORABLE}

    @classmethod
    def read(cls, value: object) -> Self:
        """Take what a request says.

        Raises:
            ValueError: It is no text of 1 to 500 characters, or holds a NUL.
        """
        if not isinstance(value, str) or not 0 < len(value) <= cls.LONGEST:
            raise ValueError(f"not a text of 1 to {cls.LONGEST} characters")
        if not re.search(STORABLE, value):
            raise ValueError("not storable as text")
        return cls(discreet(value)[: cls.LONGEST])


Id = Annotated[str, Meta(min_length=1, max_length=255, pattern=STORABLE)]
DeviceId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._~:@+=-]+$")]
"""Stands in paths; every character as it is."""
ShortText = Annotated[str, Meta(min_length=1, max_length=50, pattern=STORABLE)]
Minutes = Annotated[int, Meta(ge=1, le=1440)]
BookedMinutes = Annotated[int, Meta(ge=15, le=1440)]
RemindMinutes = Annotated[int, Meta(ge=0, le=60)]
WaitMinutes = Annotated[int, Meta(ge=1, le=120)]
Instant = Annotated[datetime, Meta(tz=True)]
"""An instant that an answer tells."""
PageSize = Annotated[int, Meta(ge=1, le=200)]
LongPageSize = Annotated[int, Meta(ge=1, le=1000)]
"""Of lists whose rows are short."""
Minimum = Annotated[int, Meta(ge=0, le=MAX_INT)]
Cores = Annotated[int, Meta(ge=1, le=1024)]
Megabytes = Annotated[int, Meta(ge=1, le=MAX_INT)]
Port = Annotated[int, Meta(ge=1, le=65535)]
UuidText = Annotated[
    str, Meta(pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$(?!\n)")
]
