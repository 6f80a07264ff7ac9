"""What a refused user is offered instead, each with the call that takes it."""

from collections.abc import Mapping
from typing import Any

RETRY_AFTER_SECONDS = 15
"""A busy fleet changes by the minute; asking again sooner seldom helps."""

_ALLOCATE = "/scheduler/devices/allocate"
_RESERVE = "/scheduler/reservations"
_QUEUE = "/scheduler/queue"
_SPECS = ("minCpu", "minMemory", "minStorage")


def retry_after_seconds(facts: Mapping[str, Any]) -> int:
    """Tell when to ask again: when the next device frees, if that is known to be sooner than usual."""
    frees = facts.get("freesInSeconds")
    return RETRY_AFTER_SECONDS if frees is None else max(1, min(int(frees), RETRY_AFTER_SECONDS))


def alternatives_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the offers in the facts of a refused claim, what can be had at once first.

    A link's body is whole but for metadata, which the caller adds.
    """
    asked = facts.get("asked")
    if asked is None:
        return []
    offers = []
    if facts["shorterMinutes"]:
        body = _wish(asked, durationMinutes=facts["shorterMinutes"])
        offers.append({"kind": "shorter", "durationMinutes": facts["shorterMinutes"], "link": _post(_ALLOCATE, body)})
    if facts["smaller"]:
        specs = _given(facts["smaller"])
        body = _wish(asked | facts["smaller"])
        offers.append({"kind": "smaller", "specs": specs, "link": _post(_ALLOCATE, body)})
    if facts["later"]:
        offers.append({"kind": "later"} | facts["later"] | {"link": _post(_RESERVE, _wish(asked, **facts["later"]))})
    if facts["canWait"]:
        offers.append({"kind": "wait", "link": _post(_QUEUE, _wish(asked))})
    return offers


def _wish(asked: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    plain = {name: value for name, value in asked.items() if name not in _SPECS}
    specs = _given({name: asked[name] for name in _SPECS})
    return _given(plain) | ({"preferredSpecs": specs} if specs else {}) | changed


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _post(href: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": "POST", "href": href, "body": body}
