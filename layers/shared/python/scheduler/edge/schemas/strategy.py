"""The placement strategy, on the wire."""

# ruff: noqa: N815  wire names
from typing import Annotated, Self

from msgspec import Meta

from scheduler.domain.lessons import Learning
from scheduler.domain.model import Rescoring, Strategy, StrategyInForce
from scheduler.edge.fields import Instant, View, WireModel


class StrategyBody(WireModel):
    """The strategy to follow from now on."""

    EXAMPLES = ({"strategy": "best_fit"},)

    strategy: Strategy


class RescoringView(View):
    """How far devices' scores follow the strategy; until all do, old and new scores stand side by side."""

    rescored: Annotated[int, Meta(description="devices that are done")]
    total: int
    startedAt: Annotated[Instant | None, Meta(description="null: no other strategy was ever chosen")]
    doneAt: Instant | None
    done: bool

    @classmethod
    def of(cls, progress: Rescoring) -> Self:
        """Show the progress."""
        return cls(
            rescored=progress.rescored,
            total=progress.total,
            startedAt=progress.started_at,
            doneAt=progress.done_at,
            done=progress.is_done,
        )


class LearningView(View):
    """The published placement model and what it was taught. It decides under the strategy smart only."""

    name: str
    trainedAt: Annotated[Instant | None, Meta(description="null: this version cannot read it")]
    publishedAt: Instant
    publishedBy: str
    sessions: Annotated[int, Meta(description="ended sessions that devices' records are kept of")]
    learnedUntil: Annotated[Instant | None, Meta(description="ends up to which they are; null: none yet")]
    doubt: Annotated[
        str | None,
        Meta(description="stale, miscalibrated, misordered or unreadable; null: nothing speaks against it"),
    ]

    @classmethod
    def of(cls, learning: Learning) -> Self:
        """Show how a model stands."""
        return cls(
            name=learning.name,
            trainedAt=learning.trained_at,
            publishedAt=learning.published_at,
            publishedBy=learning.published_by,
            sessions=learning.sessions,
            learnedUntil=learning.learned_until,
            doubt=learning.doubt,
        )


class StrategyView(View):
    """The strategy in force."""

    strategy: Annotated[str, Meta(description="the chosen one")]
    effective: Annotated[str, Meta(description="the one that is followed: resource_based while smart cannot be")]
    because: Annotated[
        str | None,
        Meta(description="model_missing, model_stale or calibration_alarm; null: the chosen one is followed"),
    ]
    chosenBy: Annotated[str | None, Meta(description="the operator; null: the deployment's PLACEMENT_STRATEGY")]
    changedAt: Instant
    rescoring: RescoringView
    model: Annotated[LearningView | None, Meta(description="null: none is published")]

    @classmethod
    def of(cls, now: StrategyInForce, learning: Learning | None) -> Self:
        """Show what is in force."""
        return cls(
            strategy=now.name,
            effective=now.effective,
            because=now.because,
            chosenBy=now.chosen_by,
            changedAt=now.changed_at,
            rescoring=RescoringView.of(now.rescoring),
            model=None if learning is None else LearningView.of(learning),
        )
