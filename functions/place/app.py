"""GET and PUT /scheduler/strategy: which free device is lent first; and each minute what is left of the rescoring."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import Api, caller, lambda_entry
from scheduler.edge.identity import Caller
from scheduler.edge.schedule import scheduled
from scheduler.edge.schemas.strategy import StrategyBody, StrategyView
from scheduler.runtime.placement import get_placement
from scheduler.service.placement import Placement

RUN_SECONDS = 50.0
"""Less than the minute after which the next run goes on."""

app = Api()
Placing = Annotated[Placement, Given(get_placement)]


@app.get("/scheduler/strategy", summary="Read the placement strategy", tags=["operations"])
def strategy(placement: Placing) -> Response[Envelope[StrategyView]]:
    """Tell by which strategy free devices are lent, who chose it, and how far devices' scores follow it."""
    return ok(Envelope(data=StrategyView.of(placement.in_force())))


@app.put("/scheduler/strategy", summary="Choose the placement strategy", tags=["operations"])
def choose(
    body: StrategyBody, who: Annotated[Caller, Given(caller)], placement: Placing
) -> Response[Envelope[StrategyView]]:
    """Lend by this strategy from now on, whatever later deployments say; scores follow in batches."""
    now = placement.choose(body.strategy, by=who.subject)
    return ok(Envelope(data=StrategyView.of(now), message="Strategy changed"))


answer_request = lambda_entry(app)
answer_schedule = scheduled(lambda: get_placement().follow(RUN_SECONDS))


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, or rescore when the schedule calls."""
    return answer_request(event, context) if "requestContext" in event else answer_schedule(event, context)
