"""The JSON Schemas of events, published (events/schemas/<type>.json) and incoming, and checks against them."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(__file__).parents[2] / "events" / "schemas"

FORMATS = FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    """Tell whether a text is an RFC 3339 time; the validator itself knows that only with a further library."""
    return not isinstance(value, str) or (
        value[10:11] in "Tt " and datetime.fromisoformat(value.upper()).tzinfo is not None
    )


def schema_types() -> set[str]:
    """Name the event types that have a schema."""
    return {path.stem for path in FOLDER.glob("*.json")}


def incoming_types() -> set[str]:
    """Name the types of incoming events that have a schema."""
    return {path.stem for path in (FOLDER / "incoming").glob("*.json")}


@cache
def validator(event_type: str) -> Draft202012Validator:
    """Give the validator of a type's envelopes, formats included; of an incoming type: incoming/<type>."""
    schema = json.loads((FOLDER / f"{event_type}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


def faults(envelope: Mapping[str, Any]) -> list[str]:
    """Tell where an envelope differs from the schema of its type; empty when nowhere."""
    found = validator(envelope["type"]).iter_errors(envelope)
    return sorted(f"{error.json_path}: {error.message}" for error in found)


def assert_valid(envelope: Mapping[str, Any]) -> None:
    """Fail with what is wrong."""
    assert faults(envelope) == []
