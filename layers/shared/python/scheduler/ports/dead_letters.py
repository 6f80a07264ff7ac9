"""Where messages lie that could not be handled, until somebody sends them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many messages went back to their queue, and about how many are left."""

    moved: int
    left: int


class RedriveBook(Protocol):
    """Where it is written down who sends messages back."""

    def begin(self, name: str, limit: int) -> None:
        """Note that up to `limit` messages of a queue are about to be sent back."""


class DeadLetters(Protocol):
    """Dead letters by the name of the queue they come from."""

    def waiting(self) -> Mapping[str, int]:
        """Tell about how many lie in each.

        Raises:
            Unavailable: A queue does not answer.
        """

    def known(self, name: str) -> bool:
        """Tell whether there is a queue of this name."""

    def redrive(self, name: str, limit: int) -> Redriven:
        """Send up to `limit` back to a queue that is known.

        Raises:
            Unavailable: A queue does not answer; what has been moved has been.
        """
