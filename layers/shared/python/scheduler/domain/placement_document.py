"""The placement model as a small versioned JSON document: written, read, and refused when it could not be one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from functools import partial
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
    model = _made(PlacementModel, document)
    if model.trained_at > now:
        raise ModelError(f"trained_at is {model.trained_at.isoformat()}, in the future")
    return model


type _Check = Callable[[Any, str], Any]


def _made[T](kind: type[T], given: Any, at: str = "") -> T:
    prefix = f"{at}." if at else ""
    known = {one.name for one in fields(kind)} if is_dataclass(kind) else set()
    if unknown := sorted(_object(given, at).keys() - known):
        raise ModelError(f"{prefix}{unknown[0]} is not known")
    return kind(**{name: _CHECKS[name](value, f"{prefix}{name}") for name, value in given.items()})


def _number(least: float, most: float, value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(f"{at} is {value!r}, not a number")
    if not least <= value <= most:
        raise ModelError(f"{at} is {value}, not from {least:g} to {most:g}")
    return float(value)


def _count(most: int, value: Any, at: str) -> int:
    return int(_number(0, most, value, at))


def _numbers(count: int, one: _Check, value: Any, at: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise ModelError(f"{at} is not a list of {count} numbers")
    return tuple(one(part, f"{at}[{number}]") for number, part in enumerate(value))


def _by_name(one: _Check, value: Any, at: str) -> dict[str, Any]:
    return {name: one(part, f"{at}.{name}") for name, part in _object(value, at).items()}


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


_POSITIVE = 1e-9
_SHARE = partial(_number, 0, 1)
_SHARES = partial(_numbers, len(QUANTILES), partial(_number, 0, 100))
_LOGARITHM = partial(_number, -10, 10)
_SECONDS = partial(_number, 0, 3600)
_CHECKS: Mapping[str, _Check] = {
    "name": _name,
    "trained_at": _time,
    "sessions": partial(_count, 10**12),
    "metrics": _object,
    "base": partial(_number, _POSITIVE, 0.5),
    "kinds": partial(_by_name, partial(_number, 1 / MOST_MULTIPLIED, MOST_MULTIPLIED)),
    "load": partial(_numbers, 2, _LOGARITHM),
    "usual_load": _SHARE,
    "wear": _LOGARITHM,
    "half_life_days": partial(_number, 0.01, 10_000),
    "strengths": partial(_made, Strengths),
    "calibration": partial(_made, Calibration),
    "slope": partial(_number, 0.01, 10),
    "intercept": _LOGARITHM,
    "start_seconds": _SECONDS,
    "start_kinds": partial(_by_name, _SECONDS),
    "start_load": partial(_number, 0, 100),
    "usual_hours": partial(_number, 0.01, 24),
    "uses": partial(_made, Uses),
    "of_all": _SHARES,
    "cells": partial(_by_name, _SHARES),
    "own_weight": _SHARE,
    "exploration": partial(_made, Exploration),
    "share": partial(_number, 0, 0.25),
    "weights": partial(_made, Weights),
    **{name: partial(_number, 0.01, 1e6) for name in ("device", "host", "kind", "start")},
    **{one.name: partial(_number, 0, 1e6) for one in fields(Weights)},
}
