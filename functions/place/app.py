"""GET and PUT /scheduler/strategy: which free device is lent first; and each minute what follows from it."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import Api, caller, lambda_entry
from scheduler.edge.identity import Caller
from scheduler.edge.schedule import scheduled
from scheduler.edge.schemas.strategy import StrategyBody, StrategyView
from scheduler.runtime.placement import get_appraiser, get_learner, get_placement
from scheduler.service.learner import Learner
from scheduler.service.placement import Placement

RESCORE_SECONDS, LEARN_SECONDS, APPRAISE_SECONDS = 25.0, 15.0, 10.0
"""Together less than the minute after which the next run goes on."""

app = Api()
Placing = Annotated[Placement, Given(get_placement)]
Learning = Annotated[Learner, Given(get_learner)]


@app.get("/scheduler/strategy", summary="Read the placement strategy", tags=["operations"])
def strategy(placement: Placing, learner: Learning) -> Response[Envelope[StrategyView]]:
    """Tell by which strategy free devices are lent, who chose it, and how far devices' scores follow it."""
    return ok(Envelope(data=StrategyView.of(placement.in_force(), learner.learning())))


@app.put("/scheduler/strategy", summary="Choose the placement strategy", tags=["operations"])
def choose(
    body: StrategyBody, who: Annotated[Caller, Given(caller)], placement: Placing, learner: Learning
) -> Response[Envelope[StrategyView]]:
    """Lend by this strategy from now on, whatever later deployments say, and try the learned one beside it if asked."""
    now = placement.choose(body.strategy, by=who.subject, trial_share=body.trialShare)
    return ok(Envelope(data=StrategyView.of(now, learner.learning()), message="Strategy changed"))


def follow_and_learn() -> Mapping[str, Any]:
    """Do all, each in its time; learning last, which fails when the model cannot be read."""
    appraised = get_appraiser().appraise(APPRAISE_SECONDS)
    figures = get_placement().follow(RESCORE_SECONDS)
    return {**figures, "appraised": appraised, **get_learner().learn(LEARN_SECONDS)}


answer_request = lambda_entry(app)
answer_schedule = scheduled(follow_and_learn)


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, or rescore, appraise and learn when the schedule calls."""
    return answer_request(event, context) if "requestContext" in event else answer_schedule(event, context)
