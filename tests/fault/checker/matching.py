"""Give each of many a choice of its own."""

from collections import deque
from collections.abc import Sequence


def uncovered(choices: Sequence[Sequence[int]]) -> list[int]:
    """Tell who goes without in a largest matching.

    Args:
        choices: What each would take.

    Returns:
        Places in `choices` of those for whom nothing is left; empty when all can be served at once.
    """
    matching = _Matching(choices)
    return [who for who in range(len(choices)) if not matching.serve(who)]


class _Matching:
    def __init__(self, choices: Sequence[Sequence[int]]) -> None:
        self._choices = choices
        self._owner: dict[int, int] = {}
        self._held: dict[int, int] = {}

    def serve(self, who: int) -> bool:
        """Find something for one more, by moving others on where that helps (breadth first: an augmenting path)."""
        asked_by: dict[int, int] = {}
        waiting = deque([who])
        while waiting:
            asking = waiting.popleft()
            for choice in self._choices[asking]:
                if choice in asked_by:
                    continue
                asked_by[choice] = asking
                if choice not in self._owner:
                    self._hand_over(choice, asked_by)
                    return True
                waiting.append(self._owner[choice])
        return False

    def _hand_over(self, choice: int | None, asked_by: dict[int, int]) -> None:
        while choice is not None:
            taker = asked_by[choice]
            before = self._held.get(taker)
            self._owner[choice], self._held[taker] = taker, choice
            choice = before
