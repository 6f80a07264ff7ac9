"""What users are told: each type of notice once, with the event that it comes from, its texts and its channels."""

import hashlib
import json
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import resources
from typing import Any

from scheduler.domain.events import BrokenEvent, EventType
from scheduler.domain.model import DEFAULT_TENANT, Language, User

MOST_CHARACTERS = 500
"""Of one value within a text: ids and reasons are shorter."""

TOLD_EVERY_SECONDS = 600
"""How often a user is told, at most, what a client that asks again and again makes happen: once in each ten minutes."""


class Channel(StrEnum):
    """How a notice reaches its user. The list within the app has every notice."""

    IN_APP = "in_app"
    PUSH = "push"
    EMAIL = "email"


class Priority(StrEnum):
    """How soon it wants to be seen."""

    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Text:
    """What is read."""

    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Condition:
    """That an event has a field at all, or one of some values in it."""

    field: str
    values: Sequence[str | int] = ()

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Tell whether the event's data meet it."""
        found = data.get(self.field)
        return found in self.values if self.values else found is not None


@dataclass(frozen=True, slots=True)
class NoticeType:
    """One entry of the catalogue.

    `fields` are the members of the event's data that the notice carries; the texts may name any of them. `once_for`
    names the one that many events share which are one fact. `once_a_while` names a time: events of one user and one
    kind of reason are one fact within its ten minutes. A bare grant is told only when nothing was promised before it:
    else the reservation's or the wait's own notice tells it.
    """

    name: str
    event: EventType
    channels: Sequence[Channel]
    priority: Priority
    fields: Sequence[str]
    texts: Mapping[Language, Text]
    when: Condition | None = None
    once_for: str | None = None
    once_a_while: str | None = None
    is_bare_grant: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One fact that a user is told, in every language. `grant` is the allocation of a bare grant."""

    fact: str
    type: str
    user: User
    channels: Sequence[Channel]
    priority: Priority
    data: Mapping[str, Any]
    texts: Mapping[Language, Text]
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice as it was kept, in its user's language."""

    id: str
    type: str
    user: User
    language: Language
    text: Text
    data: Mapping[str, Any]
    channels: Sequence[Channel]
    priority: Priority
    created_at: datetime
    read_at: datetime | None
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Which of a user's notifications to list, newest first, after a keyset."""

    user: User
    unread: bool
    after: tuple[datetime, str] | None
    limit: int


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a user is told: in which language, and on which channels (None: all that a notice has)."""

    user: User
    language: Language
    channels: Sequence[Channel] | None = None


def notice_of(event: Mapping[str, Any]) -> Notice:
    """Read an event as what its user is told.

    Raises:
        BrokenEvent: A part is missing or of the wrong type, or nobody is told of such events.
    """
    event_id = event.get("id")
    try:
        data = event["data"]
        kind = _type_of(EventType(event["type"]), data)
        carried = {name: data.get(name) if name in _MAY_BE_MISSING else _scalar(data[name]) for name in kind.fields}
        user = User(_text(data.get("tenantId") or DEFAULT_TENANT), _text(data["userId"]))
        return Notice(
            fact=_fact(kind, user, _text(event_id), data),
            type=kind.name,
            user=user,
            channels=kind.channels,
            priority=kind.priority,
            data=carried,
            texts={language: _filled(text, carried, language) for language, text in kind.texts.items()},
            grant=_text(data["allocationId"]) if kind.is_bare_grant else None,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BrokenEvent(f"event {event_id!r} tells nobody anything: {type(error).__name__} {error}") from error


def type_in_file(name: str, entry: Mapping[str, Any]) -> NoticeType:
    """Read one entry of the catalogue's file."""
    when = entry.get("when")
    return NoticeType(
        name=name,
        event=EventType(entry["event"]),
        channels=tuple(Channel(channel) for channel in entry["channels"]),
        priority=Priority(entry["priority"]),
        fields=tuple(entry["fields"]),
        texts={language: Text(**entry[language]) for language in Language},
        when=when and Condition(when["field"], tuple(when.get("is", ()))),
        once_for=entry.get("once_for"),
        once_a_while=entry.get("once_a_while"),
        is_bare_grant=entry.get("is_bare_grant", False),
    )


def placeholders(template: str) -> set[str]:
    """Name the fields that a text shows."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def reason_in(language: Language, reason: str | None) -> str:
    """Say a reason of ours in a language; what others wrote is shown as they wrote it."""
    if not reason:
        return _NO_REASON[language]
    texts, values = _read_reason(reason)
    return texts[language].format(*values) if texts else reason


def _read_reason(reason: str) -> tuple[Mapping[str, str], Sequence[str]]:
    """Find the texts of a reason of ours, and the values in it; of another's: nothing."""
    for texts in _REASONS:
        if found := _pattern(texts[Language.EN]).fullmatch(reason):
            return texts, found.groups()
    return {}, ()


def _type_of(event: EventType, data: Mapping[str, Any]) -> NoticeType:
    """Choose the entry whose condition holds, or else the one without a condition."""
    entries = [entry for entry in CATALOGUE.values() if entry.event is event]
    for entry in sorted(entries, key=lambda entry: entry.when is None):
        if entry.when is None or entry.when.holds(data):
            return entry
    raise ValueError(f"no notice for {event}")


def _fact(kind: NoticeType, user: User, event_id: str, data: Mapping[str, Any]) -> str:
    """Name what is told once. Nothing but the event goes into it, so that a redelivery is the same fact."""
    if kind.once_for:
        return _text(data[kind.once_for])
    if not kind.once_a_while:
        return event_id
    texts, _ = _read_reason(_text(data["reason"]))
    window = int(datetime.fromisoformat(data[kind.once_a_while]).timestamp()) // TOLD_EVERY_SECONDS
    parts = [user.tenant_id, user.user_id, texts.get(Language.EN), window]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _filled(text: Text, data: Mapping[str, Any], language: Language) -> Text:
    shown = {name: _shown(name, value, language) for name, value in data.items()}
    return Text(text.title, text.message.format_map(shown))


def _shown(name: str, value: Any, language: Language) -> str:
    if name == "reason":
        value = reason_in(language, value)
    elif name.endswith(("At", "Time")):
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return str(value)[:MOST_CHARACTERS]


_MAY_BE_MISSING = {"reason"}


def _scalar(value: object) -> object:
    if value is None or isinstance(value, dict | list):
        raise TypeError("a value is missing")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(map(re.escape, template.split("{}"))), re.DOTALL)


_FILE = json.loads(resources.files("scheduler.domain").joinpath("notices.json").read_text(encoding="utf-8"))

CATALOGUE: Mapping[str, NoticeType] = {name: type_in_file(name, entry) for name, entry in _FILE["types"].items()}
_NO_REASON: Mapping[str, str] = _FILE["no_reason"]
_REASONS: Sequence[Mapping[str, str]] = _FILE["reasons"]
