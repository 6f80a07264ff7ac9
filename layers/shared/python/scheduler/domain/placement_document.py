"""The placement model as a small versioned JSON document: written, read, and refused when it could not be one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from scheduler.domain.placement_model import (
    MOST_MULTIPLIED,
    QUANTILES,
    Calibration,
    Exploration,
    PlacementModel,
    Strengths,
    Uses,
    Weights,
)

FORMAT = 1
"""Of the document. Another one is refused: no half-understood model decides."""
LARGEST_BYTES = 65_536


class ModelError(ValueError):
    """The document is no model that may decide; says where it is wrong."""


def written(model: PlacementModel) -> str:
    """Write a model as JSON, as `read_model` reads it."""
    document = asdict(model) | {"format": FORMAT, "trained_at": model.trained_at.isoformat()}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def read_model(text: str | bytes, now: datetime) -> PlacementModel:
    """Read a model, and refuse what could not be one.

    Args:
        text: JSON, as `written` writes it. What is missing has its default; unknown members are refused.
        now: A model from the future is refused.

    Raises:
        ModelError: It is too long, no JSON, of another format, or a member is missing, unknown or out of its range.
    """
    if len(text) > LARGEST_BYTES:
        raise ModelError(f"the document is longer than {LARGEST_BYTES} bytes")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ModelError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ModelError("not a JSON object")
    if document.pop("format", None) != FORMAT:
        raise ModelError(f"format is not {FORMAT}")
    missing = sorted({"name", "trained_at", "base"} - document.keys())
    if missing:
        raise ModelError(f"{', '.join(missing)} missing")
    model = _made(PlacementModel, document, "")
    if model.trained_at > now:
        raise ModelError(f"trained_at is {model.trained_at.isoformat()}, in the future")
    return model


type _Check = Callable[[Any, str], Any]


def _made[T](kind: type[T], given: Any, at: str) -> T:
    if not isinstance(given, dict):
        raise ModelError(f"{at or 'the document'} is not an object")
    known = {one.name: one for one in fields(kind)} if is_dataclass(kind) else {}
    if unknown := sorted(given.keys() - known.keys()):
        raise ModelError(f"{at}{unknown[0]} is not known")
    return kind(**{name: _CHECKS[name](value, f"{at}{name}") for name, value in given.items()})


def _number(least: float, most: float) -> _Check:
    def check(value: Any, at: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ModelError(f"{at} is {value!r}, not a number")
        if not least <= value <= most:
            raise ModelError(f"{at} is {value:g}, not from {least:g} to {most:g}")
        return float(value)

    return check


def _numbers(count: int, least: float, most: float) -> _Check:
    one = _number(least, most)

    def check(value: Any, at: str) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != count:
            raise ModelError(f"{at} is not a list of {count} numbers")
        return tuple(one(part, f"{at}[{number}]") for number, part in enumerate(value))

    return check


def _by_name(one: _Check) -> _Check:
    def check(value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ModelError(f"{at} is not an object")
        return {name: one(part, f"{at}.{name}") for name, part in value.items()}

    return check


def _time(value: Any, at: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ModelError(f"{at} is {value!r}, not a time") from None
    if time.tzinfo is None:
        raise ModelError(f"{at} is {value!r}, without an offset from UTC")
    return time


def _name(value: Any, at: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise ModelError(f"{at} is not a text of 1 to 100 characters")
    return value


def _object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"{at} is not an object")
    return value


def _part(kind: type[Any]) -> _Check:
    return lambda value, at: _made(kind, value, f"{at}.")


_POSITIVE = 1e-9
_SHARES = _numbers(len(QUANTILES), 0, 100)
_CHECKS: Mapping[str, _Check] = {
    "name": _name,
    "trained_at": _time,
    "sessions": lambda value, at: int(_number(0, 1e12)(value, at)),
    "metrics": _object,
    "base": _number(_POSITIVE, 0.5),
    "kinds": _by_name(_number(1 / MOST_MULTIPLIED, MOST_MULTIPLIED)),
    "load": _numbers(2, -10, 10),
    "usual_load": _number(0, 1),
    "wear": _number(-10, 10),
    "half_life_days": _number(0.01, 10_000),
    "strengths": _part(Strengths),
    "calibration": _part(Calibration),
    "slope": _number(0.01, 10),
    "intercept": _number(-10, 10),
    "start_seconds": _number(0, 3600),
    "start_kinds": _by_name(_number(0, 3600)),
    "start_load": _number(0, 100),
    "usual_hours": _number(0.01, 24),
    "uses": _part(Uses),
    "of_all": _SHARES,
    "cells": _by_name(_SHARES),
    "own_weight": _number(0, 1),
    "exploration": _part(Exploration),
    "share": _number(0, 0.25),
    "weights": _part(Weights),
    **{name: _number(0.01, 1e6) for name in ("device", "host", "kind", "start")},
    **{one.name: _number(0, 1e6) for one in fields(Weights)},
}
