"""Learn from ended allocations how devices serve, lesson by lesson."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scheduler.domain.lessons import Learning, learned, learning_of
from scheduler.domain.placement_document import read_model
from scheduler.ports.lessons import Lessons

LESSON = 200
"""Ended allocations a lesson."""


class Learner:
    """Each ended allocation counts once: a lesson and the mark after it are kept together, or not at all."""

    def __init__(self, lessons: Lessons) -> None:
        """Take where lessons wait."""
        self._lessons = lessons

    def learning(self) -> Learning | None:
        """Tell how the published model stands; None: none is published."""
        facts = self._lessons.learning()
        return None if facts is None else learning_of(facts)

    def learn(self, seconds: float) -> Mapping[str, Any]:
        """Learn what there is, for some seconds at most; give the figures of the run.

        Raises:
            ModelError: The published model cannot be read by this version.
        """
        stop_at = time.monotonic() + seconds
        sessions = 0
        while time.monotonic() < stop_at:  # ends: lessons are finite, and the time is
            lesson = self._lessons.next(LESSON)
            if lesson is None or lesson["last"] is None:
                break
            model = read_model(json.dumps(lesson["document"]), datetime.fromisoformat(lesson["now"]))
            if not self._lessons.keep(lesson, model.name, learned(model, lesson)):
                break  # another run is at it
            sessions += len(lesson["sessions"])
        return {"learned": sessions}
