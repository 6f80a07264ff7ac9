"""Where messages go that can never be applied."""

from typing import Protocol

from scheduler.domain.incoming import Message


class Parking(Protocol):
    """Keeps messages for a person to look at."""

    def park(self, message: Message, reason: str) -> None:
        """Keep a message with why it could not be used.

        Raises:
            Unavailable: It could not be kept; deliver it again.
        """
