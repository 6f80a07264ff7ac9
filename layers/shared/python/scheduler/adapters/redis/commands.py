"""What Redis is asked: plain commands, and scripts by their hash, whose text travels only where it is not known yet."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoScriptError

Command = tuple[str | int, ...]
"""The words of one command."""

_texts: dict[str | int, str] = {}


class Script:
    """A script in Lua, known to the server by its hash once it was sent in full."""

    def __init__(self, text: str) -> None:
        """Keep the text for servers that do not know it."""
        self.text = text
        self._hash = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _texts[self._hash] = text

    def on(self, keys: Sequence[str], *arguments: str | int) -> Command:
        """Give the command that runs it."""
        return ("EVALSHA", self._hash, len(keys), *keys, *arguments)


def settled(
    commands: Sequence[Command], replies: Sequence[Any], again: Callable[[Sequence[Command]], Sequence[Any]]
) -> list[Any]:
    """Give the replies, once scripts that the server did not know were sent `again` in full: they had no effect.

    Raises:
        RedisError: The first one among the replies.
    """
    settled_replies = list(replies)
    unknown = [number for number, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if unknown:
        in_full = [("EVAL", _texts[commands[number][1]], *commands[number][2:]) for number in unknown]
        for number, reply in zip(unknown, again(in_full), strict=True):
            settled_replies[number] = reply
    for reply in settled_replies:
        if isinstance(reply, Exception):
            raise reply
    return settled_replies
