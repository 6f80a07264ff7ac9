"""placement_models, _records, _uses and _learning: what is learned of ended allocations, and how far."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.lessons import Learned
from scheduler.domain.outcome import Facts
from scheduler.domain.placement_document import written
from scheduler.domain.placement_model import PlacementModel


class PostgresLessons:
    """Reads lessons and keeps what they taught. Each method is one statement."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def next(self, limit: int) -> Facts | None:
        """Read the next ended allocations with what is known so far; None: no model is published."""
        lesson: Facts | None = self._database.call("SELECT next_lesson(%(limit)s)", {"limit": limit})
        return lesson

    def keep(self, lesson: Facts, model: str, taught: Learned) -> bool:
        """Keep what one taught; False: another was faster, and nothing was kept."""
        trial, counts = lesson["trial"], {arm.name: [arm.sessions, arm.expected, arm.failed] for arm in taught.arms}
        after = {} if trial is None else {"from": trial["from"], "arms": counts}
        last = lesson["last"] | {"sessions": len(lesson["sessions"]), "trial": after, "uses": list(taught.uses)}
        kept: bool = self._database.call(
            "SELECT keep_lesson(%(from)s, %(last)s, %(model)s, %(records)s, %(watched)s)",
            {
                "from": Json({"endedAt": lesson["endedAt"], "endedId": lesson["endedId"]}),
                "last": Json(last),
                "model": model,
                "records": Json(list(taught.records)),
                "watched": Json([list(outcome) for outcome in taught.watched]),
            },
        )
        return kept

    def publish(self, model: PlacementModel, by: str) -> None:
        """Make a model the one that records are kept by."""
        self._database.call(
            "SELECT publish_model(%(name)s, %(document)s, %(by)s)",
            {"name": model.name, "document": Json(json.loads(written(model))), "by": by},
        )

    def next_appraisals(self, limit: int) -> Facts | None:
        """Read the next devices of the round with what is known of them; None: no model is published."""
        batch: Facts | None = self._database.call("SELECT next_appraisals(%(limit)s)", {"limit": limit})
        return batch

    def keep_appraisals(self, after: str, last: str, appraisals: Sequence[Mapping[str, Any]]) -> bool:
        """Keep what they are worth; False: another was faster, and nothing was kept."""
        kept: bool = self._database.call(
            "SELECT keep_appraisals(%(after)s, %(last)s, %(appraisals)s)",
            {"after": after, "last": last, "appraisals": Json(list(appraisals))},
        )
        return kept

    def learning(self) -> Facts | None:
        """Read how far the published model has been taught; None: none is published."""
        facts: Facts | None = self._database.call(
            "SELECT jsonb_build_object('name', m.name, 'document', m.document, 'now', wire_time(scheduler_now()),"
            " 'publishedAt', wire_time(m.published_at), 'publishedBy', m.published_by, 'sessions', l.sessions,"
            " 'watched', l.watched, 'trial', trial_now(l),"
            " 'learnedUntil', CASE WHEN l.ended_at > '-infinity' THEN wire_time(l.ended_at) END)"
            " FROM placement_models m CROSS JOIN placement_learning l WHERE m.is_active",
            {},
        )
        return facts
