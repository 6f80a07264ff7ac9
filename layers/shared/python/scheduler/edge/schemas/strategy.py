"""The placement strategy, on the wire."""

# ruff: noqa: N815  wire names
from typing import Annotated, Self

from msgspec import Meta

from scheduler.domain.lessons import Arm, Learning
from scheduler.domain.model import Rescoring, Strategy, StrategyInForce
from scheduler.edge.fields import Instant, View, WireModel
from scheduler.edge.validation import wrong


class StrategyBody(WireModel):
    """The strategy to follow from now on, and whether the learned one is tried beside it."""

    EXAMPLES = ({"strategy": "best_fit"}, {"strategy": "resource_based", "trialShare": 0.1})

    strategy: Strategy
    trialShare: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | None,
        Meta(
            description="share of the requests that smart lends to, by lot; 0: none, it only notes what it would have"
            " lent; null: it is not tried"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a trial of what is followed anyway."""
        if self.strategy is Strategy.SMART and self.trialShare is not None:
            raise wrong("trialShare", "smart lends to all requests; try it beside another strategy")


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


class ArmView(View):
    """Sessions of a trial that have ended, and what came of them."""

    arm: Annotated[
        str,
        Meta(
            description="canary: lent by smart; control: as ever, by lot; where the share is 0, agreed: the device that"
            " smart would have lent, and differed"
        ),
    ]
    sessions: int
    failed: Annotated[int, Meta(description="sessions whose device failed")]
    expected: Annotated[float, Meta(description="failures that the model expected in them")]

    @classmethod
    def of(cls, arm: Arm) -> Self:
        """Show an arm."""
        return cls(arm=arm.name, sessions=arm.sessions, failed=arm.failed, expected=round(arm.expected, 3))


class TrialView(View):
    """The learned strategy is tried while another is followed."""

    share: Annotated[float, Meta(description="of the requests, that it lends to; 0: it only notes what it would lend")]
    arms: list[ArmView]


class StrategyView(View):
    """The strategy in force."""

    strategy: Annotated[str, Meta(description="the chosen one")]
    effective: Annotated[str, Meta(description="the one that is followed: resource_based while smart cannot be")]
    because: Annotated[
        str | None,
        Meta(
            description="model_missing, model_stale or calibration_alarm: smart, or its trial, rests;"
            " null: the chosen one is followed"
        ),
    ]
    chosenBy: Annotated[str | None, Meta(description="the operator; null: the deployment's PLACEMENT_STRATEGY")]
    changedAt: Instant
    rescoring: RescoringView
    trial: Annotated[TrialView | None, Meta(description="null: smart is not tried")]
    model: Annotated[LearningView | None, Meta(description="null: none is published")]

    @classmethod
    def of(cls, now: StrategyInForce, learning: Learning | None) -> Self:
        """Show what is in force."""
        arms = [] if learning is None else [ArmView.of(arm) for arm in learning.arms]
        return cls(
            strategy=now.name,
            effective=now.effective,
            because=now.because,
            chosenBy=now.chosen_by,
            changedAt=now.changed_at,
            rescoring=RescoringView.of(now.rescoring),
            trial=None if now.trial_share is None else TrialView(share=now.trial_share, arms=arms),
            model=None if learning is None else LearningView.of(learning),
        )
