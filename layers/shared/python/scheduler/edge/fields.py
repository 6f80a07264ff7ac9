"""Types of wire fields, so that a bound stands in one place."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from scheduler.discretion import discreet
from scheduler.domain.errors import PayloadTooLarge

MAX_METADATA_BYTES = 4 * 1024
MAX_NESTING = 50
"""The writers of JSON stop at some depth of their own; nothing may be stored that could not be shown."""
MAX_INT = 2_147_483_647


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


class WireModel(BaseModel):
    """Wire names as they are; nothing unknown, nothing of another type."""

    # Built when it is first used: no function uses all that it loads.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class View(BaseModel):
    """What an answer tells."""

    model_config = ConfigDict(defer_build=True)


def _bounded_metadata(value: dict[str, Any]) -> dict[str, Any]:
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
    return value


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _rfc_3339(value: object) -> object:
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        return value
    raise ValueError("not an RFC 3339 time")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error


_NO_NUL = r"^[^\x00]*$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_NO_NUL)]
DeviceId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._~:@+=-]+$")]
"""Stands in paths; every character as it is."""
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=_NO_NUL)]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=_NO_NUL),
    AfterValidator(lambda text: discreet(text)[:500]),
]
"""Free words that are kept, told to holders and logged: less what is nobody's business."""
Minutes = Annotated[int, Field(ge=1, le=1440)]
BookedMinutes = Annotated[int, Field(ge=15, le=1440)]
RemindMinutes = Annotated[int, Field(ge=0, le=60)]
WaitMinutes = Annotated[int, Field(ge=1, le=120)]
Cores = Annotated[int, Field(ge=1, le=1024)]
Megabytes = Annotated[int, Field(ge=1, le=MAX_INT)]
Port = Annotated[int, Field(ge=1, le=65535)]
Metadata = Annotated[dict[str, Any], AfterValidator(_bounded_metadata)]
Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]
UuidText = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
]
